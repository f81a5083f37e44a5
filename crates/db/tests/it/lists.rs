//! Lists: compared with what a list in memory would say.

use std::cmp::Ordering as Order;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use db::list::{List, Listed, Start};
use db::{Db, DbError, Row, values};
use kernel::{Direction, OrganizationId, PageRequest, fold};
use lastro_db as db;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use uuid::Uuid;

use crate::support::{ADD, Fixture, new_id, on_both, organization, unit};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    id: Uuid,
    text: String,
    place: i64,
}

fn note(row: &Row<'_>) -> Result<Note, DbError> {
    Ok(Note {
        id: row.get(1)?,
        text: row.get(2)?,
        place: row.get(3)?,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Text,
    Place,
}

/// What a client may ask for.
#[derive(Debug, Clone)]
struct Query {
    search: Option<String>,
    place: Option<i64>,
    at_least: Option<i64>,
    below: Option<i64>,
    key: Key,
    direction: Direction,
    page: i64,
    limit: i64,
}

impl Query {
    fn list(&self) -> List<'static> {
        let column = match self.key {
            Key::Id => "id",
            Key::Text => "text_folded",
            Key::Place => "place",
        };
        List::tenant("notes", "id, text, place")
            .containing(&["text_folded"], self.search.as_deref())
            .equal("place", self.place)
            .at_least("place", self.at_least)
            .below("place", self.below)
            .order(column, self.direction)
    }

    fn request(&self) -> PageRequest {
        PageRequest::new(self.page, self.limit).unwrap()
    }

    /// Every note of the list, in its order.
    fn model(&self, notes: &[Note]) -> Vec<Note> {
        let wanted = |note: &&Note| {
            self.search
                .as_ref()
                .is_none_or(|search| fold(&note.text).contains(&fold(search)))
                && self.place.is_none_or(|place| note.place == place)
                && self.at_least.is_none_or(|place| note.place >= place)
                && self.below.is_none_or(|place| note.place < place)
        };
        let mut found: Vec<Note> = notes.iter().filter(wanted).cloned().collect();
        found.sort_by(|a, b| {
            let order = match self.key {
                Key::Id => Order::Equal,
                Key::Text => fold(&a.text).as_bytes().cmp(fold(&b.text).as_bytes()),
                Key::Place => a.place.cmp(&b.place),
            };
            let order = order.then(a.id.cmp(&b.id));
            if self.direction == Direction::Ascending {
                order
            } else {
                order.reverse()
            }
        });
        found
    }

    fn cursor(&self, last: &Note) -> Start<'static> {
        let value = match self.key {
            Key::Id => last.id.into(),
            Key::Text => fold(&last.text).into(),
            Key::Place => last.place.into(),
        };
        Start::After(value, last.id)
    }
}

async fn fetch(db: &Db, home: OrganizationId, query: &Query, start: Start<'static>) -> Listed<Note> {
    query
        .list()
        .fetch(db.scope(home), &query.request(), start, note)
        .await
        .unwrap()
}

/// Compares the list with the model: the page that is asked for, and the walk by cursor from there to the end.
async fn compare(db: &Db, home: OrganizationId, notes: &[Note], query: &Query) {
    let all = query.model(notes);
    let (offset, limit) = (query.request().offset() as usize, query.limit as usize);
    let page = fetch(db, home, query, Start::Offset).await;
    let expected: Vec<Note> = all.iter().skip(offset).take(limit).cloned().collect();
    assert_eq!(page.items, expected);
    assert_eq!(page.total, all.len() as u64);
    assert_eq!(page.has_more, all.len() > offset + limit);
    let mut walked: Vec<Note> = all.iter().take(offset + expected.len()).cloned().collect();
    let mut last = expected.last().cloned();
    while let Some(before) = last {
        let next = fetch(db, home, query, query.cursor(&before)).await;
        assert_eq!(next.total, all.len() as u64, "a cursor does not change the total");
        walked.extend(next.items.iter().cloned());
        assert_eq!(next.has_more, walked.len() < all.len());
        last = next.items.last().cloned();
    }
    if !expected.is_empty() {
        assert_eq!(walked, all);
    }
}

async fn fill(db: &Db, home: OrganizationId, rows: Vec<(String, i64)>) -> Vec<Note> {
    db.write(unit(home).unaudited("a test"), move |uow| {
        let rows = rows.clone();
        async move {
            let mut notes = Vec::new();
            for (text, place) in rows {
                let id = new_id(&uow);
                let folded = fold(&text);
                uow.scope(home)
                    .send(&ADD, &values![id, text.as_str(), folded, place])
                    .await?;
                notes.push(Note { id, text, place });
            }
            Ok::<_, DbError>(notes)
        }
    })
    .await
    .unwrap()
}

/// Texts in which what is special to a search, to a sort and to a fold is frequent.
fn texts() -> impl Strategy<Value = String> {
    let letter = prop::sample::select(vec![
        "a", "A", "á", "Ã", "b", "ß", "%", "_", "\\", "'", " ", "1", "ç", "İ", "ﬁ", "e\u{301}", "漢",
    ]);
    prop::collection::vec(letter, 1..6).prop_map(|letters| letters.concat())
}

fn queries() -> impl Strategy<Value = Query> {
    let place = || prop::option::weighted(0.2, 0..5_i64);
    (
        prop::option::weighted(0.5, texts()),
        (place(), place(), place()),
        prop::sample::select(vec![Key::Id, Key::Text, Key::Place]),
        prop::sample::select(vec![Direction::Ascending, Direction::Descending]),
        1..4_i64,
        prop::sample::select(vec![1, 2, 7, 100_i64]),
    )
        .prop_map(
            |(search, (place, at_least, below), key, direction, page, limit)| Query {
                search,
                place,
                at_least,
                below,
                key,
                direction,
                page,
                limit,
            },
        )
}

fn everything() -> Query {
    Query {
        search: None,
        place: None,
        at_least: None,
        below: None,
        key: Key::Text,
        direction: Direction::Ascending,
        page: 1,
        limit: 100,
    }
}

on_both! {
    async fn a_list_is_what_a_list_in_memory_would_be(f: Fixture) {
        let home = AtomicU64::new(1);
        let runtime = tokio::runtime::Handle::current();
        let mut runner = TestRunner::new(Config { cases: 30, failure_persistence: None, ..Config::default() });
        let rows = prop::collection::vec((texts(), 0..5_i64), 0..30);
        let input = (rows, prop::collection::vec(queries(), 6));
        let ran = tokio::task::block_in_place(|| runner.run(&input, |(rows, queries)| {
            // Texts are unique in an organization, and each case has one of its own.
            let mut known = BTreeSet::new();
            let rows: Vec<_> = rows.into_iter().filter(|(text, _)| known.insert(text.clone())).collect();
            let home = organization(u128::from(home.fetch_add(1, Ordering::Relaxed)));
            let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(async {
                let notes = fill(&f.db, home, rows).await;
                for query in &queries {
                    compare(&f.db, home, &notes, query).await;
                }
            })));
            compared.map_err(|_| TestCaseError::fail("the list is not the model's: see above"))
        }));
        if let Err(error) = ran {
            panic!("{error}");
        }
    }

    async fn a_search_means_its_characters(f: Fixture) {
        let home = organization(0xa);
        let rows = ["100% wool", "1000 wool", "under_score", "underXscore", "back\\slash", "Pão de Açúcar", "PAO", "it's"];
        fill(&f.db, home, rows.iter().map(|text| ((*text).to_owned(), 0)).collect()).await;
        for (search, expected) in [
            ("0%", vec!["100% wool"]),
            ("r_s", vec!["under_score"]),
            ("k\\s", vec!["back\\slash"]),
            ("pao", vec!["PAO", "Pão de Açúcar"]),
            ("PÃO D", vec!["Pão de Açúcar"]),
            ("acucar", vec!["Pão de Açúcar"]),
            ("'", vec!["it's"]),
            ("%", vec!["100% wool"]),
            ("nothing", vec![]),
        ] {
            let query = Query { search: Some(search.to_owned()), ..everything() };
            let found = fetch(&f.db, home, &query, Start::Offset).await;
            assert_eq!(found.items.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(), expected, "{search}");
            assert_eq!(found.total, expected.len() as u64);
        }
    }

    async fn past_the_end_there_is_still_a_total(f: Fixture) {
        let home = organization(0xa);
        fill(&f.db, home, (0..5).map(|number| (format!("note {number}"), number)).collect()).await;
        let query = Query { page: 7, limit: 3, at_least: Some(1), ..everything() };
        let page = fetch(&f.db, home, &query, Start::Offset).await;
        assert_eq!((page.items.len(), page.total, page.has_more), (0, 4, false));
        let elsewhere = fetch(&f.db, organization(0xb), &everything(), Start::Offset).await;
        assert_eq!((elsewhere.items.len(), elsewhere.total), (0, 0));
    }

    async fn a_global_table_is_listed_too(f: Fixture) {
        let home = organization(0xa);
        f.db.write(unit(home), move |uow| async move {
            for kind in [db::ChangeKind::User, db::ChangeKind::Role, db::ChangeKind::User] {
                let organization_id = Some(home);
                uow.access_changed(db::AccessChange { organization_id, kind, subject: None, until: None });
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        // A table whose key is called otherwise is listed as a view of itself.
        let view = "(SELECT seq AS id, kind FROM access_changes) AS changes";
        for (kind, expected) in [(None, 3), (Some("user"), 2), (Some("module"), 0)] {
            for page in 1..=2 {
                let list = List::global(view, "kind").equal("kind", kind).order("kind", Direction::Ascending);
                let request = PageRequest::new(page, 2).unwrap();
                let page = list.fetch(f.db.global(), &request, Start::Offset, |row| row.get::<String>(1)).await.unwrap();
                assert_eq!(page.total, expected);
            }
        }
    }

    async fn a_unit_lists_what_it_has_not_committed_yet(f: Fixture) {
        let home = organization(0xa);
        let listed = f.db.write(unit(home).unaudited("a test"), move |uow| async move {
            uow.scope(home).send(&ADD, &values![new_id(&uow), "milk", "milk", 0_i64]).await?;
            everything().list().fetch(uow.scope(home), &everything().request(), Start::Offset, note).await
        });
        assert_eq!(listed.await.unwrap().total, 1);
    }

    async fn a_stream_goes_on_where_it_was_left_although_it_grows(f: Fixture) {
        let home = organization(0xa);
        let first = fill(&f.db, home, (0..7).map(|number| (format!("note {number}"), 0)).collect()).await;
        let mut ids: Vec<Uuid> = first.iter().map(|note| note.id).collect();
        ids.sort();
        ids.reverse();
        let newest = async |after, rows| {
            List::tenant("notes", "id").newest(f.db.scope(home), after, rows, |row| row.get::<Uuid>(0)).await.unwrap()
        };
        assert_eq!(newest(None, 3).await, ids[..3]);
        let greatest = Uuid::max();
        f.db.write(unit(home).unaudited("a test"), move |uow| async move {
            uow.scope(home).execute(&ADD, &values![greatest, "newer", "newer", 0_i64]).await.map(drop)
        })
        .await
        .unwrap();
        assert_eq!(newest(Some(ids[2]), 3).await, ids[3..6]);
        assert_eq!(newest(Some(ids[5]), 3).await, ids[6..]);
        assert_eq!(newest(None, 1).await, [greatest]);
    }
}
