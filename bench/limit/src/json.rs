//! The organization as the API shows it, written straight into the body.

use std::error::Error;

use postgres_types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use rusqlite::types::{ToSqlOutput, Value};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Microseconds since the Unix epoch, UTC; in JSON RFC 3339 with six fractional digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Micros(pub(crate) i64);

/// PostgreSQL counts from 2000-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?) + POSTGRES_EPOCH))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

impl ToSql for Micros {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&(self.0 - POSTGRES_EPOCH).to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl rusqlite::types::ToSql for Micros {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.rfc3339()).map_err(serde::ser::Error::custom)?)
    }
}

impl Micros {
    /// `2026-11-21T08:09:10.123456Z`, for the years 0 to 9999, without an allocation.
    fn rfc3339(self) -> [u8; 27] {
        let (seconds, micros) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // The civil calendar from a day count: years begin in March, so that the leap day is the last of a year.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);

        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let fields = [
            (0_usize, 4_usize, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, second_of_day / 3_600),
            (14, 2, second_of_day / 60 % 60),
            (17, 2, second_of_day % 60),
            (20, 6, micros),
        ];
        for (start, width, value) in fields {
            let mut rest = value;
            for slot in text.iter_mut().skip(start).take(width).rev() {
                *slot = b'0' + u8::try_from(rest.rem_euclid(10)).unwrap_or(0);
                rest = rest.div_euclid(10);
            }
        }
        text
    }
}

/// An organization, its texts borrowed from the driver's row.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Organization<'a> {
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) document: Option<&'a str>,
    pub(crate) is_active: bool,
    pub(crate) package_code: Option<&'a str>,
    pub(crate) created_at: Micros,
    pub(crate) updated_at: Micros,
}

/// A body under construction.
pub(crate) struct Body(Vec<u8>);

impl Body {
    /// A single object: `{"data":{..}}`.
    pub(crate) fn object(organization: &Organization<'_>) -> Result<bytes::Bytes, serde_json::Error> {
        let mut buffer = Vec::with_capacity(384);
        buffer.extend_from_slice(br#"{"data":"#);
        serde_json::to_writer(&mut buffer, organization)?;
        buffer.push(b'}');
        Ok(buffer.into())
    }

    /// Begins a list of about `rows` objects.
    pub(crate) fn list(rows: usize) -> Self {
        let mut buffer = Vec::with_capacity(rows * 320 + 96);
        buffer.extend_from_slice(br#"{"data":["#);
        Self(buffer)
    }

    /// Adds one object of a list.
    pub(crate) fn push(&mut self, organization: &Organization<'_>) -> Result<(), serde_json::Error> {
        if self.0.last() != Some(&b'[') {
            self.0.push(b',');
        }
        serde_json::to_writer(&mut self.0, organization)
    }

    /// Ends a list with its `meta`.
    pub(crate) fn finish(mut self, limit: u32, total: i64) -> Result<bytes::Bytes, serde_json::Error> {
        #[derive(Serialize)]
        struct Meta {
            page: u32,
            limit: u32,
            total: i64,
        }
        self.0.extend_from_slice(br#"],"meta":"#);
        serde_json::to_writer(&mut self.0, &Meta { page: 1, limit, total })?;
        self.0.push(b'}');
        Ok(self.0.into())
    }
}
