//! Ids and names of the copies.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Context;
use uuid::Uuid;

use super::Organization;
use super::template::Template;

/// The number of the template in its names, after the two words that stand before it.
const NUMBERED: [&[u8]; 2] = [b"rganization-00000", b"rganization 00000"];
/// Digits of a number.
const DIGITS: usize = 5;
/// Characters of an id as text.
const ID: usize = 36;

/// How many organizations there will be, and which ids of the template get others in each copy.
#[derive(Debug)]
pub(super) struct Copies {
    organizations: usize,
    /// The template's ids and their places in each copy's list.
    places: HashMap<Uuid, usize>,
}

/// One copy, or the template itself.
#[derive(Debug)]
pub(super) struct Copy {
    /// Its number.
    pub(super) number: usize,
    /// Its ids, in the order of the template's.
    pub(super) ids: Vec<Uuid>,
}

/// A text of the template with the places at which copies differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Id(usize),
    Number,
}

impl Copies {
    pub(super) fn new(template: Uuid, organizations: usize) -> Self {
        Self {
            organizations,
            places: HashMap::from([(template, 0)]),
        }
    }

    /// Learns an id of the template.
    pub(super) fn learn(&mut self, id: Uuid) {
        let next = self.places.len();
        self.places.entry(id).or_insert(next);
    }

    /// The place of an id in each copy's list; none for what does not belong to the template.
    pub(super) fn place(&self, id: &Uuid) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Gives ids to every copy.
    pub(super) fn make(&self) -> Vec<Copy> {
        (1..self.organizations)
            .map(|number| Copy {
                number,
                ids: (0..self.places.len()).map(|_| Uuid::now_v7()).collect(),
            })
            .collect()
    }

    /// The organizations, the template first.
    pub(super) fn organizations(&self, template: &Template, copies: &[Copy]) -> anyhow::Result<Vec<Organization>> {
        let users: Vec<usize> = template
            .users
            .iter()
            .map(|id| {
                self.place(id)
                    .context("a user of the template that was not found in its tables")
            })
            .collect::<anyhow::Result<_>>()?;
        let first = Organization {
            id: template.id,
            number: 0,
            users: template.users.clone(),
        };
        let others = copies.iter().map(|copy| Organization {
            id: copy.id(0),
            number: copy.number,
            users: users.iter().map(|place| copy.id(*place)).collect(),
        });
        Ok(std::iter::once(first).chain(others).collect())
    }

    /// Finds the places at which copies of a text differ.
    pub(super) fn text(&self, source: &[u8]) -> Text {
        let mut pieces = Vec::new();
        let (mut literal, mut rest) = (Vec::new(), source);
        let end = |literal: &mut Vec<u8>, pieces: &mut Vec<Piece>| {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(literal)));
            }
        };
        while let Some((first, after)) = rest.split_first() {
            if let Some((place, after)) = self.id_before(rest) {
                end(&mut literal, &mut pieces);
                pieces.push(Piece::Id(place));
                rest = after;
            } else if let Some((word, after)) = number_before(rest) {
                literal.extend_from_slice(word);
                end(&mut literal, &mut pieces);
                pieces.push(Piece::Number);
                rest = after;
            } else {
                literal.push(*first);
                rest = after;
            }
        }
        end(&mut literal, &mut pieces);
        Text(pieces)
    }

    fn id_before<'t>(&self, text: &'t [u8]) -> Option<(usize, &'t [u8])> {
        let (id, after) = text.split_at_checked(ID)?;
        // Most texts are none: a look at one character spares the rest.
        (id.get(8) == Some(&b'-')).then_some(())?;
        Some((self.place(&Uuid::try_parse_ascii(id).ok()?)?, after))
    }
}

fn number_before(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = NUMBERED.iter().find(|word| text.starts_with(word))?;
    let (named, after) = text.split_at_checked(word.len())?;
    Some((named.get(..named.len() - DIGITS)?, after))
}

impl Copy {
    /// The id at a place.
    pub(super) fn id(&self, place: usize) -> Uuid {
        // Every place was given by the list that this one was made from.
        self.ids.get(place).copied().unwrap_or_default()
    }
}

impl Text {
    /// Writes the text of a copy.
    pub(super) fn write(&self, copy: &Copy, out: &mut Vec<u8>) -> std::io::Result<()> {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Id(place) => {
                    let mut text = [0; ID];
                    copy.id(*place).hyphenated().encode_lower(&mut text);
                    out.extend_from_slice(&text);
                }
                Piece::Number => write!(out, "{:0DIGITS$}", copy.number)?,
            }
        }
        Ok(())
    }

    /// Whether all copies are alike.
    pub(super) fn is_fixed(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Literal(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_differ_in_their_ids_and_numbers_and_nothing_else() {
        let (own, user, foreign) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let mut copies = Copies::new(own, 3);
        copies.learn(user);
        copies.learn(own);
        let source = format!(
            "{user}\t{own}\tuser-000@organization-00000.example.com\tOrganization 00000 Ltda\t2026-01-01 00:00:00.000000\t{{\"by\":\"{foreign}\"}}\n"
        );
        let text = copies.text(source.as_bytes());
        let made = copies.make();
        assert_eq!(made.len(), 2);
        let mut out = Vec::new();
        text.write(&made[1], &mut out).unwrap();
        let expected = format!(
            "{}\t{}\tuser-000@organization-00002.example.com\tOrganization 00002 Ltda\t2026-01-01 00:00:00.000000\t{{\"by\":\"{foreign}\"}}\n",
            made[1].ids[1], made[1].ids[0]
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert!(!text.is_fixed() && copies.text(b"2026-01-01 00:00:00").is_fixed());
        let organizations = copies
            .organizations(
                &Template {
                    id: own,
                    users: vec![user],
                },
                &made,
            )
            .unwrap();
        assert_eq!(organizations[2].users, [made[1].ids[1]]);
        assert_eq!(organizations[0].users, [user]);
    }
}
