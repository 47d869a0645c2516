//! Pages of a listing, as Relay connections.

use serde_json::{Value, json};

/// The requested part of a listing.
#[derive(Clone, Copy)]
pub(crate) struct PageRequest<'p> {
    /// The page size in the document.
    pub(crate) first: usize,
    /// The cursor after which the page starts.
    pub(crate) after: Option<&'p str>,
    /// The maximum page size.
    pub(crate) cap: usize,
}

/// Returns a page with `edges` and `pageInfo`, or Railway's message for an unknown cursor.
pub(crate) fn connection<'i, T>(
    items: &[&'i T],
    page: PageRequest<'_>,
    id: impl Fn(&T) -> &str,
    node: impl Fn(&'i T) -> Value,
) -> Result<Value, String> {
    let start = match page.after {
        None => 0,
        Some(cursor) => 1 + position(items, cursor, &id).ok_or("Invalid cursor for after")?,
    };
    let size = page.first.min(page.cap);
    let shown: Vec<&'i T> = items[start..].iter().copied().take(size).collect();
    Ok(json!({
        "edges": shown.iter().map(|&item| json!({ "node": node(item) })).collect::<Vec<_>>(),
        "pageInfo": {
            "hasNextPage": items.len() - start > size,
            "endCursor": shown.last().map(|&item| cursor(id(item))),
        },
    }))
}

fn position<T>(items: &[&T], wanted: &str, id: &impl Fn(&T) -> &str) -> Option<usize> {
    items.iter().position(|item| cursor(id(item)) == wanted)
}

/// Returns a cursor, in a form that can't be mistaken for an id or a number.
fn cursor(id: &str) -> String {
    let mut cursor = String::from("Y3");
    cursor.extend(id.chars().rev());
    cursor
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::io::sim::pagination::{PageRequest, connection};

    fn page(first: usize, after: Option<&str>, cap: usize) -> Result<Value, String> {
        let items: Vec<String> = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
        let items: Vec<&String> = items.iter().collect();
        connection(&items, PageRequest { first, after, cap }, |item| item, |item| json!(item))
    }

    fn nodes(page: &Value) -> String {
        page["edges"].as_array().expect("edges").iter().map(|edge| edge["node"].as_str().expect("text")).collect()
    }

    #[test]
    fn pages_cover_listing_without_gaps_or_duplicates() {
        for (first, cap, expected) in [
            (2, 500, vec!["ab", "cd", "e"]),
            (500, 3, vec!["abc", "de"]),
            (5, 5, vec!["abcde"]),
            (1, 1, vec!["a", "b", "c", "d", "e"]),
        ] {
            let mut after: Option<String> = None;
            for (index, wanted) in expected.iter().enumerate() {
                let page = page(first, after.as_deref(), cap).expect("a valid cursor");
                assert_eq!(nodes(&page), **wanted);
                assert_eq!(page["pageInfo"]["hasNextPage"], index + 1 < expected.len());
                after = page["pageInfo"]["endCursor"].as_str().map(String::from);
            }
        }
    }

    #[test]
    fn empty_listing_has_no_cursor() {
        let none: [&String; 0] = [];
        let page = connection(&none, PageRequest { first: 5, after: None, cap: 5 }, |item| item, |item| json!(item));
        let expected = json!({ "edges": [], "pageInfo": { "hasNextPage": false, "endCursor": null } });
        assert_eq!(page, Ok(expected));
    }

    #[test]
    fn foreign_cursor_is_refused() {
        assert_eq!(page(2, Some("a"), 5), Err("Invalid cursor for after".into()));
    }
}
