//! When to stop: SIGTERM from whoever runs the process, SIGINT from a terminal.

use tokio::sync::watch;

/// Tells everybody who asks that it is time to stop.
#[derive(Debug, Clone)]
pub struct Stop {
    told: watch::Receiver<bool>,
}

impl Stop {
    /// Begins to listen for the signals that end a server.
    ///
    /// # Errors
    ///
    /// That of the operating system, which then lets nobody listen.
    pub fn on_signals() -> std::io::Result<Self> {
        let (tell, told) = watch::channel(false);
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            tokio::spawn(async move {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, "stopping");
                let _ = tell.send(true);
                // A second Ctrl-C is from somebody who does not want to wait.
                interrupt.recv().await;
                tracing::warn!("stopped at once, by a second SIGINT");
                std::process::exit(1);
            });
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                tracing::info!("stopping");
                let _ = tell.send(true);
            }
        });
        Ok(Self { told })
    }

    /// Ready when it is time to stop.
    pub async fn told(mut self) {
        // An error means that the teller is gone, and with it every reason to go on.
        let _ = self.told.wait_for(|told| *told).await;
    }
}
