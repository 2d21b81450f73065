//! Texts with places to fill in: what a customer is sent, and the request that the gateway wants. Names in braces are places; what is written into JSON is escaped.

use thiserror::Error;

/// A template that names what nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{{{0}}}` is not known; known are {1}")]
pub struct UnknownPlace(String, String);

/// Checks that only `known` places are named.
pub fn check(template: &str, known: &[&str]) -> Result<(), UnknownPlace> {
    match places(template).find(|place| !known.contains(place)) {
        None => Ok(()),
        Some(place) => {
            let all: Vec<String> = known.iter().map(|known| format!("{{{known}}}")).collect();
            Err(UnknownPlace(place.to_owned(), all.join(", ")))
        }
    }
}

/// Fills the places; those without a value become empty. What stands in braces and is no word (JSON's own) is left as it is.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, place, after)) = next(rest) {
        filled.push_str(before);
        filled.push_str(values.iter().find(|(name, _)| *name == place).map_or("", |(_, value)| value));
        rest = after;
    }
    filled + rest
}

/// The same inside of a JSON text: quotation marks and line ends of values are escaped.
pub fn fill_json(template: &str, values: &[(&str, &str)]) -> String {
    let escaped: Vec<(&str, String)> = values.iter().map(|(name, value)| (*name, escape(value))).collect();
    let values: Vec<(&str, &str)> = escaped.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fill(template, &values)
}

fn escape(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn places(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (_, place, after) = next(rest)?;
        rest = after;
        Some(place)
    })
}

/// The first `{word}`: what stands before it, the word, what stands after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let inside = &text[open + 1..];
        let end = inside.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(inside.len());
        if end > 0 && inside[end..].starts_with('}') {
            return Some((&text[..open], &inside[..end], &inside[end + 1..]));
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_braces_of_json_stay() {
        let body = r#"{"to":"{number}","text":"{text}","more":{}}"#;
        assert_eq!(check(body, &["number", "text"]), Ok(()));
        let filled = fill_json(body, &[("number", "+86139"), ("text", "a \"b\"\nc {name}")]);
        assert_eq!(filled, r#"{"to":"+86139","text":"a \"b\"\nc {name}","more":{}}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&filled).is_ok());
        assert_eq!(fill("{name}您好，{model}", &[("name", "王")]), "王您好，");
    }

    #[test]
    fn a_place_that_nobody_knows_is_named() {
        let told = check("Dear {nmae}", &["name", "model"]).unwrap_err().to_string();
        assert_eq!(told, "`{nmae}` is not known; known are {name}, {model}");
    }
}
