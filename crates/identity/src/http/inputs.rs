//! What the bodies of several endpoints are made of.

use http::TextSchema;

use crate::domain::{Email, Password, UserName};

http::text_value! {
    Email, Email::new,
    TextSchema {
        max_length: Some(Email::MAX),
        format: Some("email"),
        example: "ana@padaria.example.com",
        ..Default::default()
    }
}
http::text_value! {
    UserName, UserName::new,
    TextSchema {
        min_length: Some(UserName::MIN),
        max_length: Some(UserName::MAX),
        example: "Ana Souza",
        ..Default::default()
    }
}
// A password as it is presented: whatever was once allowed. A new one is checked against the organization's policy besides.
http::text_value! {
    Password, |raw| Password::presented("password", raw),
    TextSchema {
        min_length: Some(1),
        max_length: Some(Password::MAX),
        format: Some("password"),
        example: "tres tigres 3",
        ..Default::default()
    }
}
