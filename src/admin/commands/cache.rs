//! `FLUSH CACHE`, and the same over HTTP.

use super::{Answer, Call, Failure};
use crate::cache::{
    Store,
    figures::Cause,
    stamps::{Slot, slot},
    tables,
};

/// How an order to make answers void is written.
pub(super) const ORDERS: &str = "FLUSH CACHE [TABLE schema.table, SCHEMA s, TAG t, RULE r, DIGEST d]";

/// An order that is in its right form.
#[derive(Debug)]
pub struct Order {
    /// `None`: all answers.
    slots: Option<Vec<Slot>>,
    told: String,
}

/// Reads an order: `what` is `table`, `schema`, `tag`, `rule` or `digest`, or nothing for all.
///
/// # Errors
/// What is wrong with the order, and what would be right.
pub fn order(what: Option<(&str, &str)>) -> Result<Order, String> {
    let Some((what, name)) = what else {
        return Ok(Order { slots: None, told: "every answer is void".to_owned() });
    };
    if name.is_empty() {
        return Err(format!("`{what}` needs a name"));
    }
    let slots = match what {
        "table" => match name.rsplit_once('.') {
            Some((schema, table)) => vec![slot(schema.as_bytes(), table.as_bytes())],
            None => return Err(format!("`{name}` is a table without its schema: write schema.table")),
        },
        "schema" => vec![tables::schema_slot(name.as_bytes())],
        "tag" => vec![tables::tag_slot(name)],
        "rule" => vec![tables::rule_slot(name)],
        "digest" => match u64::from_str_radix(name, 16) {
            Ok(digest) => vec![tables::digest_slot(digest)],
            Err(_) => {
                return Err(format!(
                    "`{name}` is no digest: write its 16 hexadecimal digits, as SHOW DIGESTS has them"
                ));
            }
        },
        _ => return Err(format!("`{what}` is nothing to go by: write table, schema, tag, rule or digest")),
    };
    Ok(Order { slots: Some(slots), told: format!("answers of the {what} {name} are void") })
}

impl Order {
    /// Makes the answers void, and tells which.
    pub fn carry_out(self, store: &Store) -> String {
        match self.slots {
            Some(slots) => store.invalidate(slots, None, Cause::Order),
            None => store.invalidate_all(Cause::Order),
        }
        self.told
    }
}

/// `FLUSH CACHE …`.
pub(super) fn flush(call: &Call<'_>, text: &str) -> Result<Answer, Failure> {
    let words: Vec<&str> = text.split_whitespace().skip(2).collect();
    let store = &call.operator.shared().cache;
    let order = match words[..] {
        [] => order(None),
        [what, name] => {
            let name = name.trim_matches(['\'', '"']).replace('`', "");
            order(Some((&what.to_ascii_lowercase(), &name)))
        }
        _ => Err(format!("it is written {ORDERS}")),
    };
    order.map(|order| Answer::Done(order.carry_out(store))).map_err(Failure::Wrong)
}
