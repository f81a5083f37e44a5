//! Lists: a page of rows with its exact total, composed from static parts.
//!
//! Filtering, sorting and paging happen in SQL and nowhere else: a list never filters what a query returned. The parts of the
//! text are the program's own; what a client sent is only ever bound.

use std::fmt::Write as _;

use kernel::{Direction, PageRequest};
use uuid::Uuid;

use crate::error::DbError;
use crate::row::Row;
use crate::scope::Scope;
use crate::sql::{Lane, Reach, Sql};
use crate::value::Value;

/// Where a page begins.
#[derive(Debug, Clone)]
pub enum Start<'v> {
    /// At the page's offset.
    Offset,
    /// After the row with this sort value and id: a cursor's, decoded.
    After(Value<'v>, Uuid),
}

/// The column of codes, wherever there is one.
const CODE: &str = "code";

/// A list over one table.
#[derive(Debug, Clone)]
pub struct List<'v> {
    table: &'static str,
    columns: &'static str,
    reach: Reach,
    predicate: String,
    is_narrowed: bool,
    values: Vec<Value<'v>>,
    order: &'static str,
    direction: Direction,
    lane: Lane,
    may_lag: bool,
    counter: Option<&'static str>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows the list has, over all pages.
    pub total: u64,
    /// Whether rows follow the page.
    pub has_more: bool,
}

impl<'v> List<'v> {
    /// A list of one organization's rows.
    #[must_use]
    pub fn tenant(table: &'static str, columns: &'static str) -> Self {
        // `$1` is bound by the scope.
        Self::new(table, columns, Reach::Tenant, "organization_id = $1".to_owned())
    }

    /// A list over a query in the place of a table (`(SELECT …) AS name`) that binds the organization as `$1` itself, such as one
    /// that shows an organization's rows beside global ones.
    #[must_use]
    pub fn tenant_view(query: &'static str, columns: &'static str) -> Self {
        Self::new(query, columns, Reach::Tenant, String::new())
    }

    /// A list over a global table.
    #[must_use]
    pub fn global(table: &'static str, columns: &'static str) -> Self {
        Self::new(table, columns, Reach::Global, String::new())
    }

    fn new(table: &'static str, columns: &'static str, reach: Reach, predicate: String) -> Self {
        Self {
            table,
            columns,
            reach,
            predicate,
            is_narrowed: false,
            values: Vec::new(),
            order: "id",
            direction: Direction::Ascending,
            lane: Lane::Point,
            may_lag: false,
            counter: None,
        }
    }

    fn bind(&mut self, value: Value<'v>) -> usize {
        self.values.push(value);
        self.values.len() + usize::from(self.reach == Reach::Tenant)
    }

    fn and(&mut self, condition: std::fmt::Arguments<'_>) {
        self.is_narrowed = true;
        let word = if self.predicate.is_empty() { "" } else { " AND " };
        // Writing to a String does not fail.
        let _infallible = write!(self.predicate, "{word}{condition}");
    }

    /// The WHERE of what is kept. There is none where everything is: SQLite counts a whole table without reading it, but not one
    /// under a condition, however empty.
    fn kept(&self) -> String {
        if self.predicate.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.predicate)
        }
    }

    /// Keeps the rows whose column equals the value, where one is given.
    #[must_use]
    pub fn equal(mut self, column: &'static str, value: Option<impl Into<Value<'v>>>) -> Self {
        if let Some(value) = value {
            let place = self.bind(value.into());
            self.and(format_args!("{column} = ${place}"));
        }
        self
    }

    /// Keeps the rows whose column is at least the value, where one is given.
    #[must_use]
    pub fn at_least(mut self, column: &'static str, value: Option<impl Into<Value<'v>>>) -> Self {
        if let Some(value) = value {
            let place = self.bind(value.into());
            self.and(format_args!("{column} >= ${place}"));
        }
        self
    }

    /// Keeps the rows whose column is less than the value, where one is given.
    #[must_use]
    pub fn below(mut self, column: &'static str, value: Option<impl Into<Value<'v>>>) -> Self {
        if let Some(value) = value {
            let place = self.bind(value.into());
            self.and(format_args!("{column} < ${place}"));
        }
        self
    }

    /// Keeps the rows of which an expression is true. `text` writes it, from its first placeholder's number on: it is made of the
    /// program's own words (a column, an operator, a placeholder), and what a client sent is only in `values`.
    #[must_use]
    pub fn satisfying(mut self, text: impl FnOnce(usize) -> String, values: Vec<Value<'v>>) -> Self {
        let first = self.values.len() + usize::from(self.reach == Reach::Tenant) + 1;
        let text = text(first);
        self.values.extend(values);
        self.and(format_args!("{text}"));
        // Whether an index answers it depends on the expression.
        self.lane = Lane::Pooled;
        self
    }

    /// Declares that no index carries the list's order under its filters: it is not a point read.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.lane = Lane::Pooled;
        self
    }

    /// Declares that it may come from a replica that lags behind, when one is configured.
    #[must_use]
    pub fn may_lag(mut self) -> Self {
        self.may_lag = true;
        self
    }

    /// Takes the total of the whole list from a counter that every change keeps in its transaction: `query` reads it, one value, in a
    /// tenant's list with the organization as `$1`. What is narrowed is counted as ever.
    #[must_use]
    pub fn counted_by(mut self, query: &'static str) -> Self {
        self.counter = Some(query);
        self
    }

    /// Keeps the rows of which any of the columns contains the text, where one is given. The columns are companion columns, and
    /// the text is folded as they are.
    #[must_use]
    pub fn containing(mut self, columns: &[&'static str], text: Option<&str>) -> Self {
        let Some(text) = text else { return self };
        let mut pattern = String::with_capacity(text.len() + 2);
        pattern.push('%');
        for character in kernel::fold(text).chars() {
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        // Codes are the one text that is searched and not folded: most are in capitals, and PostgreSQL minds the case.
        let capitals = columns
            .contains(&CODE)
            .then(|| self.bind(pattern.to_ascii_uppercase().into()));
        let place = self.bind(pattern.into());
        let like = |column: &str, place: usize| format!("{column} LIKE ${place} ESCAPE '\\'");
        let any = columns
            .iter()
            .map(|column| like(column, place))
            .chain(capitals.map(|place| like(CODE, place)))
            .collect::<Vec<_>>();
        self.and(format_args!("({})", any.join(" OR ")));
        // No index answers it: it does not belong among the point reads.
        self.lane = Lane::Pooled;
        self
    }

    /// Sorts by a column, ties by id.
    #[must_use]
    pub fn order(mut self, column: &'static str, direction: Direction) -> Self {
        self.order = column;
        self.direction = direction;
        self
    }

    /// The statement of the page and its values, and the statement of the total.
    fn compose(mut self, page: &PageRequest, start: Start<'v>) -> Composed<'v> {
        let counted = self.values.len();
        let total = match self.counter {
            Some(counter) if !self.is_narrowed => counter.to_owned(),
            _ => format!("SELECT count(*) FROM {}{}", self.table, self.kept()),
        };
        let (word, sign) = match self.direction {
            Direction::Ascending => ("ASC", ">"),
            Direction::Descending => ("DESC", "<"),
        };
        let offset = match start {
            Start::Offset => page.offset(),
            Start::After(value, id) => {
                let value = self.bind(value);
                let id = self.bind(id.into());
                let order = self.order;
                self.and(format_args!("({order}, id) {sign} (${value}, ${id})"));
                0
            }
        };
        // One row more than asked for tells whether others follow. The number is written out, since PostgreSQL plans a statement
        // with an unknown limit anew at every execution; there are at most a hundred texts of it.
        let limit = page.limit() + 1;
        let skip = if offset == 0 {
            String::new()
        } else {
            format!(" OFFSET ${}", self.bind(Value::Integer(i64::from(offset))))
        };
        let text = format!(
            "SELECT ({total}) AS total, {} FROM {}{} ORDER BY {} {word}, id {word} LIMIT {limit}{skip}",
            self.columns,
            self.table,
            self.kept(),
            self.order
        );
        Composed {
            rows: text,
            total,
            values: self.values,
            counted,
        }
    }

    /// Reads a stretch of a time-ordered stream, newest first, going on after the row with the id `after`: at most `rows` of
    /// them. Its table's ids are in the order of time, and it has no total: the stream grows while it is read.
    ///
    /// # Errors
    /// [`DbError`], also from `item`.
    pub async fn newest<T: Send>(
        mut self,
        scope: impl Into<Scope<'_>>,
        after: Option<Uuid>,
        rows: u32,
        item: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<Vec<T>, DbError> {
        self = self.below("id", after);
        let Self { columns, table, .. } = &self;
        let kept = self.kept();
        let text = format!("SELECT {columns} FROM {table}{kept} ORDER BY id DESC LIMIT {rows}");
        scope
            .into()
            .all(
                &statement(&text, self.reach, self.lane, self.may_lag),
                &self.values,
                item,
            )
            .await
    }

    /// Reads a page. `item` reads a row whose first column is the total: the list's own columns begin at 1.
    ///
    /// # Errors
    /// [`DbError`], also from `item`.
    pub async fn fetch<T: Send>(
        self,
        scope: impl Into<Scope<'_>>,
        page: &PageRequest,
        start: Start<'v>,
        item: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<Listed<T>, DbError> {
        let scope = scope.into();
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let (reach, lane, may_lag) = (self.reach, self.lane, self.may_lag);
        let Composed {
            rows,
            total,
            values,
            counted,
        } = self.compose(page, start);
        let rows = statement(&rows, reach, lane, may_lag);
        let count = statement(&total, reach, lane, may_lag);
        let mut found = scope
            .all(&rows, &values, |row| Ok((row.get::<i64>(0)?, item(row)?)))
            .await?;
        let total = match found.first() {
            Some((total, _)) => *total,
            // Past the end there is no row to carry the total.
            None => {
                scope
                    .one(&count, values.get(..counted).unwrap_or_default(), |row| row.get(0))
                    .await?
            }
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        let items = found.into_iter().map(|(_, item)| item).collect();
        Ok(Listed {
            items,
            total: u64::try_from(total).unwrap_or(0),
            has_more,
        })
    }

    /// The texts that a list of this shape runs (its page by offset, its page by cursor, its total), for the statement test.
    #[must_use]
    pub fn texts(self, page: &PageRequest) -> [String; 3] {
        let after = self.clone().compose(page, Start::After(Value::Null, Uuid::nil()));
        let offset = self.compose(page, Start::Offset);
        [offset.rows, after.rows, offset.total]
    }
}

/// A statement of a list.
const fn statement(text: &str, reach: Reach, lane: Lane, may_lag: bool) -> Sql<'_> {
    let statement = Sql::composed(text, reach, lane);
    if may_lag { statement.may_lag() } else { statement }
}

/// The statement of a page, the statement of the total, and the values of the first; the second uses `counted` of them.
struct Composed<'v> {
    rows: String,
    total: String,
    values: Vec<Value<'v>>,
    counted: usize,
}
