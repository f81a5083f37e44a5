//! The words of every letter, in both languages: one place to read them all.

use kernel::{Locale, Timestamp};

use super::letter::Letter;

/// A letter in words. Its parts are plain text: whoever writes them into a page escapes them.
pub(super) struct Words {
    /// What about, in a line.
    pub(super) subject: String,
    /// What it says, a paragraph each.
    pub(super) paragraphs: Vec<String>,
    /// What the reader can press, and where each leads.
    pub(super) links: Vec<Link>,
    /// What stands below, in small print.
    pub(super) notes: Vec<String>,
}

/// Something to press.
pub(super) struct Link {
    /// What it says.
    pub(super) label: String,
    /// Where it leads.
    pub(super) url: String,
}

/// What the words of a letter are made with beside itself.
pub(super) struct Facts<'a> {
    /// In which language.
    pub(super) locale: Locale,
    /// What the organization calls itself.
    pub(super) organization: &'a str,
    /// Where the link leads, if the letter has one.
    pub(super) link: Option<&'a str>,
    /// The organizations of the address, each with its link, for the letter that lists them.
    pub(super) organizations: &'a [(String, String)],
}

/// The letter in words.
pub(super) fn words(letter: &Letter, facts: &Facts<'_>) -> Words {
    let speak = |en: &str, pt: &str| match facts.locale {
        Locale::En => en.to_owned(),
        Locale::PtBr => pt.to_owned(),
    };
    let organization = facts.organization;
    let press = |en: &str, pt: &str| {
        let label = speak(en, pt);
        let link = facts.link.map(str::to_owned);
        link.map(|url| Link { label, url }).into_iter().collect::<Vec<_>>()
    };
    let once = |time_en: &str, time_pt: &str| {
        speak(
            &format!("The link works once, within {time_en}."),
            &format!("O link funciona uma única vez, em até {time_pt}."),
        )
    };
    let not_you = speak(
        "If this was not you, change your password at once and tell your administrator.",
        "Se não foi você, troque sua senha imediatamente e avise o seu administrador.",
    );
    let ignore = speak(
        "If you did not ask for this, you can ignore this mail.",
        "Se você não pediu isto, pode ignorar este e-mail.",
    );
    let (subject, paragraphs, links, notes) = match letter {
        Letter::PasswordReset => (
            speak("Set a new password", "Defina uma nova senha"),
            vec![speak(
                &format!("Somebody asked for a new password for your account at {organization}."),
                &format!("Alguém pediu uma nova senha para a sua conta em {organization}."),
            )],
            press("Set a new password", "Definir nova senha"),
            vec![once("one hour", "uma hora"), ignore],
        ),
        Letter::Organizations => (
            speak("Your organizations", "Suas organizações"),
            vec![speak(
                "Your address is known in these organizations. Choose where to log in:",
                "Seu endereço está cadastrado nestas organizações. Escolha onde entrar:",
            )],
            facts
                .organizations
                .iter()
                .map(|(name, url)| Link {
                    label: name.clone(),
                    url: url.clone(),
                })
                .collect(),
            vec![ignore],
        ),
        Letter::EmailVerification => (
            speak("Confirm your e-mail address", "Confirme seu e-mail"),
            vec![speak(
                &format!("You registered at {organization}. Confirm that this address is yours to log in."),
                &format!("Você se cadastrou em {organization}. Confirme que este endereço é seu para poder entrar."),
            )],
            press("Confirm the address", "Confirmar endereço"),
            vec![once("24 hours", "24 horas"), ignore],
        ),
        Letter::EmailChange => (
            speak("Confirm your new e-mail address", "Confirme seu novo e-mail"),
            vec![speak(
                &format!(
                    "This address is to be the one of an account at {organization}. It will be once you confirm it."
                ),
                &format!(
                    "Este endereço deve passar a ser o de uma conta em {organization}. Isso vale assim que você confirmar."
                ),
            )],
            press("Confirm the address", "Confirmar endereço"),
            vec![once("24 hours", "24 horas"), ignore],
        ),
        Letter::EmailChangeRequested => (
            speak(
                "A change of your e-mail address was asked for",
                "Foi pedida a troca do seu e-mail",
            ),
            vec![speak(
                &format!(
                    "Another address was given for your account at {organization}. It replaces this one once its owner confirms it."
                ),
                &format!(
                    "Outro endereço foi informado para a sua conta em {organization}. Ele substitui este assim que o dono confirmar."
                ),
            )],
            Vec::new(),
            vec![not_you],
        ),
        Letter::EmailChanged => (
            speak("Your e-mail address was changed", "Seu e-mail foi alterado"),
            vec![speak(
                &format!(
                    "Your account at {organization} has another address now. This one is not connected to it any more."
                ),
                &format!("Sua conta em {organization} agora tem outro endereço. Este não está mais ligado a ela."),
            )],
            Vec::new(),
            vec![not_you],
        ),
        Letter::Invitation { inviter, .. } => (
            speak(
                &format!("You are invited to {organization}"),
                &format!("Convite para {organization}"),
            ),
            vec![match inviter {
                Some(inviter) => speak(
                    &format!("{inviter} invites you to {organization}. Choose a password to come in."),
                    &format!("{inviter} convida você para {organization}. Escolha uma senha para entrar."),
                ),
                None => speak(
                    &format!("Your account at {organization} is ready. Choose a password to come in."),
                    &format!("Sua conta em {organization} está pronta. Escolha uma senha para entrar."),
                ),
            }],
            press("Accept the invitation", "Aceitar convite"),
            vec![once("7 days", "7 dias"), ignore],
        ),
        Letter::RegistrationTaken => (
            speak("You already have an account", "Você já tem uma conta"),
            vec![speak(
                &format!(
                    "Somebody tried to register at {organization} with your address. You have an account there already: log in, or ask for a new password."
                ),
                &format!(
                    "Alguém tentou se cadastrar em {organization} com o seu endereço. Você já tem uma conta lá: entre, ou peça uma nova senha."
                ),
            )],
            Vec::new(),
            vec![ignore],
        ),
        Letter::NewDevice { user_agent, ip, at } => (
            speak("A login from a new device", "Acesso por um novo dispositivo"),
            vec![
                speak(
                    &format!("Your account at {organization} was used from a device that we did not see before."),
                    &format!("Sua conta em {organization} foi usada por um dispositivo que ainda não conhecíamos."),
                ),
                device(facts.locale, user_agent.as_deref(), ip.as_deref(), *at),
            ],
            Vec::new(),
            vec![not_you],
        ),
        Letter::PasswordChanged { at } => (
            speak("Your password was changed", "Sua senha foi alterada"),
            vec![speak(
                &format!(
                    "The password of your account at {organization} was changed ({}). Other sessions have ended.",
                    instant(*at)
                ),
                &format!(
                    "A senha da sua conta em {organization} foi alterada ({}). As outras sessões foram encerradas.",
                    instant(*at)
                ),
            )],
            Vec::new(),
            vec![not_you],
        ),
        Letter::ApiKeyCreated { name, prefix } => (
            speak("An API key was created", "Uma chave de API foi criada"),
            vec![speak(
                &format!("The API key \"{name}\" ({prefix}…) was created with your account at {organization}."),
                &format!("A chave de API \"{name}\" ({prefix}…) foi criada com a sua conta em {organization}."),
            )],
            Vec::new(),
            vec![not_you],
        ),
        Letter::MfaRemoved { by_administrator } => (
            speak("Your second factor was removed", "Seu segundo fator foi removido"),
            vec![if *by_administrator {
                speak(
                    &format!("An administrator removed the second factor of your account at {organization}."),
                    &format!("Um administrador removeu o segundo fator da sua conta em {organization}."),
                )
            } else {
                speak(
                    &format!("The second factor of your account at {organization} was removed."),
                    &format!("O segundo fator da sua conta em {organization} foi removido."),
                )
            }],
            Vec::new(),
            vec![not_you],
        ),
        Letter::WebhookDisabled { url } => (
            speak("A webhook was disabled", "Um webhook foi desativado"),
            vec![speak(
                &format!(
                    "Deliveries of {organization} to {url} failed for too long. The webhook is disabled until you activate it again."
                ),
                &format!(
                    "As entregas de {organization} para {url} falharam por tempo demais. O webhook fica desativado até que você o reative."
                ),
            )],
            Vec::new(),
            Vec::new(),
        ),
        Letter::QuotaThreshold { metric, percent } => (
            speak(
                &format!("{percent} % of a quota is used"),
                &format!("{percent} % de uma cota está em uso"),
            ),
            vec![speak(
                &format!("{organization} has used {percent} % of its quota of {metric}."),
                &format!("{organization} usou {percent} % da sua cota de {metric}."),
            )],
            Vec::new(),
            Vec::new(),
        ),
    };
    Words {
        subject,
        paragraphs,
        links,
        notes,
    }
}

/// How a letter greets.
pub(super) fn greeting(locale: Locale, name: Option<&str>) -> String {
    match (locale, name) {
        (Locale::En, Some(name)) => format!("Hello {name},"),
        (Locale::En, None) => "Hello,".to_owned(),
        (Locale::PtBr, Some(name)) => format!("Olá, {name}!"),
        (Locale::PtBr, None) => "Olá!".to_owned(),
    }
}

/// Where to ask for help.
pub(super) fn help(locale: Locale, places: &str) -> String {
    match locale {
        Locale::En => format!("Help: {places}"),
        Locale::PtBr => format!("Ajuda: {places}"),
    }
}

/// What stands before a link that cannot be pressed.
pub(super) fn copied(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "If the button does not work, copy this address into your browser:",
        Locale::PtBr => "Se o botão não funcionar, copie este endereço no seu navegador:",
    }
}

fn device(locale: Locale, user_agent: Option<&str>, ip: Option<&str>, at: Timestamp) -> String {
    let unknown = match locale {
        Locale::En => "unknown",
        Locale::PtBr => "desconhecido",
    };
    let (device, ip, at) = (user_agent.unwrap_or(unknown), ip.unwrap_or(unknown), instant(at));
    match locale {
        Locale::En => format!("Device: {device}. Address: {ip}. Time: {at}."),
        Locale::PtBr => format!("Dispositivo: {device}. Endereço: {ip}. Horário: {at}."),
    }
}

/// An instant as people read it: `2026-11-21 12:00 UTC`.
fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    let minutes = text.get(..16).unwrap_or(&text).replace('T', " ");
    format!("{minutes} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_words_in_both_languages() {
        let at = Timestamp::from_micros(1_795_262_400_000_000);
        let invitation = "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40".parse().unwrap();
        let letters = [
            Letter::PasswordReset,
            Letter::Organizations,
            Letter::EmailVerification,
            Letter::EmailChange,
            Letter::EmailChangeRequested,
            Letter::EmailChanged,
            Letter::Invitation {
                invitation,
                inviter: Some("Ana".to_owned()),
            },
            Letter::RegistrationTaken,
            Letter::NewDevice {
                user_agent: None,
                ip: None,
                at,
            },
            Letter::PasswordChanged { at },
            Letter::ApiKeyCreated {
                name: "CI".to_owned(),
                prefix: "lastro_key_abcd".to_owned(),
            },
            Letter::MfaRemoved {
                by_administrator: false,
            },
            Letter::MfaRemoved { by_administrator: true },
            Letter::WebhookDisabled {
                url: "https://example.com/hook".to_owned(),
            },
            Letter::QuotaThreshold {
                metric: "users.active".to_owned(),
                percent: 80,
            },
        ];
        let organizations = [("Padaria".to_owned(), "https://a.example/login".to_owned())];
        for letter in letters {
            let in_locale = |locale| {
                let facts = Facts {
                    locale,
                    organization: "Padaria",
                    link: Some("https://a.example/x?token=t"),
                    organizations: &organizations,
                };
                words(&letter, &facts)
            };
            let (en, pt) = (in_locale(Locale::En), in_locale(Locale::PtBr));
            assert_ne!(en.subject, pt.subject, "{}", letter.kind());
            assert_ne!(en.paragraphs, pt.paragraphs, "{}", letter.kind());
            assert_eq!(en.links.len(), pt.links.len(), "{}", letter.kind());
        }
        assert_eq!(instant(at), "2026-11-21 12:00 UTC");
    }
}
