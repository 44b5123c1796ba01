//! Records in an SQL database: one text and one set of steps, whichever database it is. Here what a database must do.

mod archive;
mod lists;
mod records;
mod rows;
mod statements;
mod steps;

use std::borrow::Cow;

use futures_util::future::BoxFuture;

use super::{Result, StoreError};
use crate::records::id::RecordId;
use crate::records::time::Millis;

pub(super) use records::Records;
pub(super) use statements::{Dialect, POSTGRES, SQLITE};

use statements::*;

/// A value that is bound to a placeholder.
#[derive(Clone)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    MaybeText(Option<Cow<'a, str>>),
    Number(i64),
    MaybeReal(Option<f64>),
}

impl Value<'_> {
    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(text.into_owned().into()),
            Self::MaybeText(text) => Value::MaybeText(text.map(|text| text.into_owned().into())),
            Self::Number(number) => Value::Number(number),
            Self::MaybeReal(real) => Value::MaybeReal(real),
        }
    }
}

/// What can be bound.
trait Bind {
    fn value(&self) -> Value<'_>;
}

impl Bind for str {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl Bind for String {
    fn value(&self) -> Value<'_> {
        self.as_str().value()
    }
}

impl<B: Bind + ?Sized> Bind for &B {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl Bind for RecordId {
    fn value(&self) -> Value<'_> {
        self.as_str().value()
    }
}

impl Bind for Option<RecordId> {
    /// No record is empty text: such columns are never null.
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or("", RecordId::as_str).value()
    }
}

impl Bind for Option<&str> {
    fn value(&self) -> Value<'_> {
        Value::MaybeText(self.map(Cow::Borrowed))
    }
}

impl Bind for Option<String> {
    fn value(&self) -> Value<'_> {
        Value::MaybeText(self.as_deref().map(Cow::Borrowed))
    }
}

impl Bind for Millis {
    fn value(&self) -> Value<'_> {
        Value::Number(self.0)
    }
}

impl Bind for i64 {
    fn value(&self) -> Value<'_> {
        Value::Number(*self)
    }
}

impl Bind for bool {
    fn value(&self) -> Value<'_> {
        Value::Number(i64::from(*self))
    }
}

impl Bind for Option<f64> {
    fn value(&self) -> Value<'_> {
        Value::MaybeReal(*self)
    }
}

/// The values of a statement, in the order of its placeholders.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::sql::Bind::value(&$value)),*] };
}
use values;

/// The same, for a statement that outlives what it was made of.
macro_rules! owned {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Bind::value(&$value).into_owned()),*] };
}
use owned;

/// A row of an answer. Columns count from 0.
pub trait Columns {
    fn text(&self, column: usize) -> Result<String>;
    /// A text that may be null.
    fn maybe_text(&self, column: usize) -> Result<Option<String>>;
    fn number(&self, column: usize) -> Result<i64>;
    fn maybe_real(&self, column: usize) -> Result<Option<f64>>;
}

/// Makes a record of a row.
pub(super) type Read<T> = fn(&dyn Columns) -> Result<T>;

/// A step's transaction.
pub trait Tx: Send {
    /// Runs a statement and tells how many rows it changed.
    fn execute<'a>(&'a mut self, statement: &'a str, values: &'a [Value<'a>]) -> BoxFuture<'a, Result<u64>>;
    /// Hands each row of an answer to `take`.
    fn fetch<'a>(
        &'a mut self,
        statement: &'a str,
        values: &'a [Value<'a>],
        take: &'a mut (dyn FnMut(&dyn Columns) -> Result<()> + Send),
    ) -> BoxFuture<'a, Result<()>>;
}

/// Work within one transaction: it happens wholly or not at all.
pub(super) type Step<T> = Box<dyn for<'a> FnOnce(&'a mut dyn Tx) -> BoxFuture<'a, Result<T>> + Send>;

/// A database that speaks our SQL.
pub trait Database: Send + Sync + 'static {
    const DIALECT: Dialect;

    /// The rows of a query by a key.
    fn rows<T: Send>(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
        read: Read<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;
    /// The rows of a query that may take long.
    fn search<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<Value<'static>>,
        read: Read<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;
    /// Runs one statement that is a step by itself. When this answers, it is on disk.
    fn write_one<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<Value<'static>>,
        read: Read<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;
    /// Runs a step. When this answers, it is on disk.
    fn write<T: Send + 'static>(&self, step: Step<T>) -> impl Future<Output = Result<T>> + Send;
    /// Says whether reads and writes work.
    fn ready(&self) -> impl Future<Output = Result<()>> + Send;
}

/// The first row of an answer, if there is one.
async fn first<T: Send>(tx: &mut dyn Tx, statement: &str, values: &[Value<'_>], read: Read<T>) -> Result<Option<T>> {
    let mut found = None;
    let mut take = |row: &dyn Columns| {
        if found.is_none() {
            found = Some(read(row)?);
        }
        Ok(())
    };
    tx.fetch(statement, values, &mut take).await?;
    Ok(found)
}

/// Says whether a database's migrations are all ours. A newer program's are not, and only it knows what they mean.
pub(super) fn refuse_newer<'a>(
    mut applied: impl Iterator<Item = &'a str>,
    known: &[(&str, &str)],
) -> std::result::Result<(), StoreError> {
    match applied.find(|name| !known.iter().any(|(ours, _)| ours == name)) {
        None => Ok(()),
        Some(name) => Err(StoreError::Failed(format!(
            "it was made by a newer version of this program (it has the migration {name}); run that version"
        ))),
    }
}
