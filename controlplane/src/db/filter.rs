//! Optional conditions with numbered parameters.

use super::Backend;
use super::tx::{Bind, Query, Sql, Tx};

type Apply = Box<dyn for<'t> FnOnce(Query<'t>) -> Query<'t> + Send>;

/// Builds `SELECT … WHERE a AND b ORDER BY … LIMIT n` from conditions that may be absent.
///
/// In a condition `?` stands for the next value; columns and operators are static text of the caller.
pub struct Filter {
    backend: Backend,
    sql: String,
    binds: Vec<Apply>,
    conditions: usize,
}

impl Filter {
    /// Starts with everything up to `WHERE`.
    pub fn new(tx: &Tx, select: &'static str) -> Self {
        Self { backend: tx.backend(), sql: select.to_owned(), binds: Vec::new(), conditions: 0 }
    }

    /// Adds text before the conditions.
    #[must_use]
    pub fn text(mut self, text: &'static str) -> Self {
        self.sql.push_str(text);
        self
    }

    fn join(&mut self) {
        self.sql.push_str(if self.conditions == 0 { " WHERE " } else { " AND " });
        self.conditions += 1;
    }

    fn placeholder<T: Bind + 'static>(&mut self, value: T) -> String {
        self.binds.push(Box::new(move |query| query.bind(value)));
        format!("${}", self.binds.len())
    }

    /// Adds a condition without a value.
    #[must_use]
    pub fn always(mut self, condition: &'static str) -> Self {
        self.join();
        self.sql.push_str(condition);
        self
    }

    /// Adds a condition with one `?`.
    #[must_use]
    pub fn and<T: Bind + 'static>(mut self, condition: &'static str, value: T) -> Self {
        self.join();
        let placeholder = self.placeholder(value);
        self.sql.push_str(&condition.replacen('?', &placeholder, 1));
        self
    }

    /// Adds `(a OR b)`, each with one `?`.
    #[must_use]
    pub fn and_either<T: Bind + 'static, U: Bind + 'static>(
        mut self,
        left: &'static str,
        left_value: T,
        right: &'static str,
        right_value: U,
    ) -> Self {
        self.join();
        let left = left.replacen('?', &self.placeholder(left_value), 1);
        let right = right.replacen('?', &self.placeholder(right_value), 1);
        let either = format!("({left} OR {right})");
        self.sql.push_str(&either);
        self
    }

    /// Adds a condition with one `?` when there is a value.
    #[must_use]
    pub fn and_some<T: Bind + 'static>(self, condition: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.and(condition, value),
            None => self,
        }
    }

    /// Adds `column IN (…)`; an empty list matches nothing.
    #[must_use]
    pub fn one_of<T: Bind + 'static>(mut self, column: &'static str, values: Vec<T>) -> Self {
        self.join();
        if values.is_empty() {
            self.sql.push_str("1 = 0");
            return self;
        }
        let list: Vec<String> = values.into_iter().map(|value| self.placeholder(value)).collect();
        self.sql.push_str(column);
        self.sql.push_str(" IN (");
        self.sql.push_str(&list.join(", "));
        self.sql.push(')');
        self
    }

    /// Adds `column IN (…)` for whole numbers as one parameter, so that the text of the statement does not depend on how many
    /// there are and is prepared once.
    #[must_use]
    pub fn among(mut self, column: &'static str, numbers: &[i64]) -> Self {
        self.join();
        let list = self.placeholder(serde_json::Value::from(numbers).to_string());
        self.sql.push_str(column);
        let (before, after) = match self.backend {
            Backend::Postgres => (
                " = ANY (ARRAY(SELECT CAST(one AS BIGINT) FROM json_array_elements_text(CAST(",
                " AS JSON)) AS one))",
            ),
            Backend::Sqlite => (" IN (SELECT value FROM json_each(", "))"),
        };
        self.sql.push_str(before);
        self.sql.push_str(&list);
        self.sql.push_str(after);
        self
    }

    /// Adds one condition per label: `key=value`, or only its presence.
    #[must_use]
    pub fn labels(mut self, column: &'static str, wanted: Vec<(String, Option<String>)>) -> Self {
        for (key, value) in wanted {
            self.join();
            let key = self.placeholder(key);
            let text = self.backend.json_text(column, &key);
            self.sql.push_str(&text);
            match value {
                Some(value) => {
                    let value = self.placeholder(value);
                    self.sql.push_str(" = ");
                    self.sql.push_str(&value);
                }
                None => self.sql.push_str(" IS NOT NULL"),
            }
        }
        self
    }

    /// As [`Filter::finish`], with what all rows have in their column `entry` as the text of one row, with `between` between
    /// them. SQLite only.
    pub fn finish_as_one<'t>(
        mut self,
        tx: &'t mut Tx,
        between: &'static str,
        order: &'static str,
        limit: i64,
    ) -> Query<'t> {
        let between = self.placeholder(between);
        let limit = self.placeholder(limit);
        let text = format!(
            "SELECT COALESCE(group_concat(entry, {between}), '') FROM ({} ORDER BY {order} LIMIT {limit})",
            self.sql
        );
        let query = tx.query(Sql::Built(text));
        self.binds.into_iter().fold(query, |query, bind| bind(query))
    }

    /// Ends with order and limit and gives the statement.
    pub fn finish<'t>(mut self, tx: &'t mut Tx, order: &'static str, limit: i64) -> Query<'t> {
        self.sql.push_str(" ORDER BY ");
        self.sql.push_str(order);
        let limit = self.placeholder(limit);
        self.sql.push_str(" LIMIT ");
        self.sql.push_str(&limit);
        let query = tx.query(Sql::Built(self.sql));
        self.binds.into_iter().fold(query, |query, bind| bind(query))
    }
}
