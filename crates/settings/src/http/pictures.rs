//! `PUT` and `DELETE` of `/branding/logo` and `/branding/favicon`: the same for both places.

use std::sync::Arc;

use contracts::usage::Quotas;
use http::{Answer, ApiError, Doc, ErrorCode, Message, RawBody, Requires};

use super::branding_answer::{answer, links};
use crate::app::show_picture;
use crate::domain::{Branding, Picture, PictureFlaw, PictureKind, Place};
use crate::manifest::BrandingUpdate;
use crate::view::BrandingView;

const MEDIA_TYPES: &[&str] = &["image/png", "image/svg+xml"];

fn put_doc(operation_id: &'static str, summary: &'static str) -> Doc {
    Doc::new(operation_id, summary)
        .describe(
            "The body is the picture itself, a PNG of at most 2048 by 2048 pixels or an SVG, of at most 512 KiB. Of an SVG only \
             what a logo is made of is kept; one with a script, an event handler, an animation, an entity or a reference to \
             something elsewhere is refused.",
        )
        .takes_file(MEDIA_TYPES)
        .answers::<BrandingView>("The branding as it is now", super::example::branding())
        .refuses([ErrorCode::RateLimitQuotaExceeded])
}

fn delete_doc(operation_id: &'static str, summary: &'static str) -> Doc {
    Doc::new(operation_id, summary).answers_nothing("There is none any more")
}

pub(super) fn put_logo_doc() -> Doc {
    put_doc("putLogo", "Set the logo")
}

pub(super) async fn put_logo(caller: Requires<BrandingUpdate>, body: RawBody) -> Result<Answer, ApiError> {
    put(caller, body, Place::Logo).await
}

pub(super) fn put_favicon_doc() -> Doc {
    put_doc("putFavicon", "Set the favicon")
}

pub(super) async fn put_favicon(caller: Requires<BrandingUpdate>, body: RawBody) -> Result<Answer, ApiError> {
    put(caller, body, Place::Favicon).await
}

pub(super) fn delete_logo_doc() -> Doc {
    delete_doc("deleteLogo", "Remove the logo")
}

pub(super) async fn delete_logo(caller: Requires<BrandingUpdate>) -> Result<Answer, ApiError> {
    show(caller, Place::Logo, None).await
}

pub(super) fn delete_favicon_doc() -> Doc {
    delete_doc("deleteFavicon", "Remove the favicon")
}

pub(super) async fn delete_favicon(caller: Requires<BrandingUpdate>) -> Result<Answer, ApiError> {
    show(caller, Place::Favicon, None).await
}

async fn put(caller: Requires<BrandingUpdate>, body: RawBody, place: Place) -> Result<Answer, ApiError> {
    if body.bytes.len() > Picture::MAX_BYTES {
        return Err(ApiError::new(ErrorCode::ValidationPayloadTooLarge));
    }
    let kind = PictureKind::find(&body.media_type).ok_or_else(|| {
        ApiError::new(ErrorCode::ValidationUnsupportedMediaType).because(Message::new(
            "Send a picture: image/png or image/svg+xml.",
            "Envie uma imagem: image/png ou image/svg+xml.",
        ))
    })?;
    // Decoding takes processor time, which other requests must not wait for.
    let inspected = tokio::task::spawn_blocking(move || Picture::inspect(kind, &body.bytes)).await;
    let picture =
        inspected.map_err(|error| ApiError::internal(format!("a picture could not be looked at: {error}")))??;
    show(caller, place, Some(picture)).await
}

async fn show(caller: Requires<BrandingUpdate>, place: Place, picture: Option<Picture>) -> Result<Answer, ApiError> {
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let (links, locale) = (links(caller.app()), caller.request().locale());
    let quotas = caller.app().ports().find::<dyn Quotas>();
    let picture = picture.map(Arc::new);
    caller
        .write(move |uow| {
            let (granted, precondition, links) = (granted.clone(), precondition.clone(), links.clone());
            let (quotas, picture) = (quotas.clone(), picture.clone());
            async move {
                let is_current = |current: &Branding| precondition.check(&BrandingView::new(current, &links)).is_ok();
                let (quotas, shown) = (quotas.as_deref(), picture.as_deref());
                let changed = show_picture(&granted, &uow, &links, quotas, is_current, place, shown).await?;
                match picture {
                    Some(_) => answer(&changed, &links, locale),
                    None => Ok(Answer::no_content()),
                }
            }
        })
        .await
}

impl From<PictureFlaw> for ApiError {
    fn from(flaw: PictureFlaw) -> Self {
        let message = match flaw {
            PictureFlaw::NotAnImage => Message::new(
                "The body is not a whole picture of the kind that its content type says.",
                "O corpo não é uma imagem completa do tipo informado.",
            ),
            PictureFlaw::TooManyPixels => Message::new(
                "The picture is larger than 2048 by 2048 pixels.",
                "A imagem é maior que 2048 por 2048 pixels.",
            ),
            PictureFlaw::TrailingData => {
                Message::new("Something follows the picture.", "Há dados depois do fim da imagem.")
            }
            PictureFlaw::Active => Message::new(
                "The picture holds a script, an event handler, an animation or a page.",
                "A imagem contém script, manipulador de eventos, animação ou página.",
            ),
            PictureFlaw::ExternalReference => Message::new(
                "The picture refers to something outside itself.",
                "A imagem faz referência a algo externo.",
            ),
            PictureFlaw::Entity => Message::new(
                "The picture declares or uses entities.",
                "A imagem declara ou usa entidades.",
            ),
            PictureFlaw::UnknownElement => Message::new(
                "The picture holds an element that a logo does not need.",
                "A imagem contém um elemento que um logotipo não usa.",
            ),
            PictureFlaw::Style => Message::new(
                "The picture holds a style that cannot be checked.",
                "A imagem contém um estilo que não pode ser verificado.",
            ),
            PictureFlaw::TooComplex => Message::new("The picture is too complex.", "A imagem é complexa demais."),
        };
        Self::violation("", kernel::Rule::Invalid).because(message)
    }
}
