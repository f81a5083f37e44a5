//! The branding as an answer, with what there is to say about its colours.

use http::{Answer, ApiError, App, Message};
use kernel::Locale;
use serde::Serialize;
use serde_json::json;

use crate::domain::Branding;
use crate::view::{BrandingView, Links};

const LOW_CONTRAST: &str = "LOW_CONTRAST";
const LOW_CONTRAST_MESSAGE: Message = Message::new(
    "Text of this colour is hard to read on the background of its theme: the contrast is below 4.5 to 1.",
    "Texto nesta cor é difícil de ler sobre o fundo do tema: o contraste é menor que 4,5 para 1.",
);

/// Something to know that is no reason to refuse.
#[derive(Serialize)]
struct Warning {
    field: &'static str,
    code: &'static str,
    message: &'static str,
}

/// Where links of this installation lead.
pub(super) fn links(app: &App) -> Links {
    Links::new(&app.config().base_url)
}

/// 200 with the branding, and warnings beside it.
pub(super) fn answer(branding: &Branding, links: &Links, locale: Locale) -> Result<Answer, ApiError> {
    let warning = |field| Warning {
        field,
        code: LOW_CONTRAST,
        message: LOW_CONTRAST_MESSAGE.in_locale(locale),
    };
    let warnings: Vec<_> = branding.look().unreadable().into_iter().map(warning).collect();
    Answer::ok_with_meta(&BrandingView::new(branding, links), &json!({ "warnings": warnings }))
}
