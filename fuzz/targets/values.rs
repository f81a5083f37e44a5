//! The values that fields, filters and headers are made of.
//!
//! What is understood must be written in a form that is understood as the same.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use http::TraceContext;
use identity::crypto::PasswordHash;
use identity::domain::{AddressBlock, Email, RecoveryCode, UserName};
use kernel::secret::ExposeSecret as _;
use kernel::{
    Cnpj, Cpf, Currency, Locale, Money, OrganizationId, PageRequest, Rate, Timestamp, checked_lines, checked_text,
    fold, format_duration, parse_duration,
};
use libfuzzer_sys::fuzz_target;

fn written_again<T: FromStr<Err: Debug> + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().unwrap(), value, "{text}");
    }
}

fuzz_target!(|text: &str| {
    written_again::<Timestamp>(text);
    written_again::<Rate>(text);
    written_again::<Locale>(text);
    written_again::<OrganizationId>(text);
    if let Ok(currency) = text.parse::<Currency>() {
        assert_eq!(currency.as_str(), text);
    }
    if let Ok(cnpj) = text.parse::<Cnpj>() {
        assert_eq!([cnpj.as_str().parse(), cnpj.formatted().parse()], [Ok(cnpj), Ok(cnpj)]);
    }
    if let Ok(cpf) = text.parse::<Cpf>() {
        assert_eq!([cpf.as_str().parse(), cpf.formatted().parse()], [Ok(cpf), Ok(cpf)]);
    }
    for code in ["BRL", "JPY", "KWD"] {
        let currency: Currency = code.parse().unwrap();
        if let Ok(amount) = Money::parse(text, currency) {
            assert_eq!(Money::parse(&amount.decimal(), currency), Ok(amount));
        }
    }
    if let Ok(duration) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }
    if let Ok(email) = Email::new(text) {
        assert_eq!(
            Email::new(email.as_str()),
            Ok(email),
            "an address is stored as it is compared"
        );
    }
    if let Ok(name) = UserName::new(text) {
        assert_eq!(UserName::new(name.as_str()), Ok(name));
    }
    if let Ok(block) = text.parse::<AddressBlock>() {
        assert_eq!(block.to_text().parse(), Ok(block));
    }
    if let Some(code) = RecoveryCode::parse(text) {
        assert!(RecoveryCode::parse(code.to_text().expose_secret()).is_some());
    }
    if let Ok(hash) = PasswordHash::parse(text) {
        assert_eq!(hash.expose(), text);
    }
    if let Ok(line) = checked_text("field", text, 1, 100) {
        assert_eq!(checked_text("field", &line, 1, 100), Ok(line));
    }
    if let Ok(lines) = checked_lines("field", text, 1, 100) {
        assert_eq!(checked_lines("field", &lines, 1, 100), Ok(lines));
    }
    assert_eq!(fold(&fold(text)), fold(text), "what is folded stays");
    let _whichever = Locale::negotiate(text);
    let _if_any = PageRequest::parse(Some(text), Some(text));
    if let Some(trace) = TraceContext::parse(text) {
        assert!(text.contains(trace.trace_id()) && text.contains(trace.parent_id()));
    }
});
