//! The form in which a text contains a value.

/// How a text contains a value: the encodings around it, the outermost first. Without any, the text is the value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    pub layers: Vec<Layer>,
}

/// An encoding of a value, or the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// In a part of a URL.
    Url(UrlPart),
    /// Percent-encoded.
    Percent,
    /// In a string of JSON.
    Json,
    /// In base64.
    Base64,
    /// In the base64 of an `Authorization` header: `Basic …`.
    BasicHeader,
    /// In other text. Only without other layers.
    Text,
}

/// A part of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UrlPart {
    User,
    Password,
    Host,
    Path,
    Query,
    Fragment,
}

impl Form {
    /// Returns the name in machine-readable formats, the innermost encoding first: `literal`, `url-encoded`,
    /// `base64-in-json`.
    pub fn name(&self) -> String {
        let layers = self.distinct();
        let mut names: Vec<&str> = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            match layer {
                Layer::Percent if names.last() == Some(&"url") => {
                    // A URL that contains something encoded is percent-encoded there as a matter of course.
                    if index == layers.len() - 1 {
                        names.pop();
                        names.push("url-encoded");
                    }
                }
                Layer::Percent => names.push("percent-encoded"),
                Layer::Url(_) => names.push("url"),
                Layer::Json => names.push("json"),
                Layer::Base64 => names.push("base64"),
                Layer::BasicHeader => names.push("basic-header"),
                Layer::Text => names.push("text"),
            }
        }
        names.reverse();
        if names.is_empty() { "literal".to_owned() } else { names.join("-in-") }
    }

    /// Returns the description in a report, the outermost encoding first: `whole value`, `in JSON, base64`.
    pub fn description(&self) -> String {
        let layers = self.distinct();
        let mut phrases: Vec<String> = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let is_innermost = index == layers.len() - 1;
            let before = index.checked_sub(1).map(|before| layers[before]);
            match (layer, before, phrases.last_mut()) {
                (Layer::Percent, Some(Layer::Url(part)), Some(url)) => {
                    *url = format!("a URL ({}, percent-encoded)", part.description());
                }
                (Layer::Percent, ..) if is_innermost => phrases.push("percent-encoded".to_owned()),
                _ => phrases.push(layer.description()),
            }
        }
        match layers.as_slice() {
            [] => "whole value".to_owned(),
            [Layer::Percent] => phrases.concat(),
            _ => format!("in {}", phrases.join(", ")),
        }
    }

    /// Returns the layers, with repeated percent-encoding as one.
    fn distinct(&self) -> Vec<Layer> {
        let mut layers = self.layers.clone();
        layers.dedup_by(|next, before| *next == Layer::Percent && before == next);
        layers
    }
}

impl Layer {
    fn description(self) -> String {
        match self {
            Self::Url(part) => format!("a URL ({})", part.description()),
            Self::Percent => "percent-encoded text".to_owned(),
            Self::Json => "JSON".to_owned(),
            Self::Base64 => "base64".to_owned(),
            Self::BasicHeader => "a Basic header".to_owned(),
            Self::Text => "other text".to_owned(),
        }
    }
}

impl UrlPart {
    fn description(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Password => "password",
            Self::Host => "host",
            Self::Path => "path",
            Self::Query => "query",
            Self::Fragment => "fragment",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Layer::{Base64, BasicHeader, Json, Percent, Text, Url};
    use super::UrlPart::{Fragment, Host, Password, Path, Query, User};
    use super::{Form, Layer};

    #[test]
    fn form_has_a_name_and_a_description() {
        let cases: [(&[Layer], &str, &str); 26] = [
            (&[], "literal", "whole value"),
            (&[Text], "text", "in other text"),
            (&[Url(Password)], "url", "in a URL (password)"),
            (&[Url(User)], "url", "in a URL (user)"),
            (&[Url(Host)], "url", "in a URL (host)"),
            (&[Url(Path)], "url", "in a URL (path)"),
            (&[Url(Query)], "url", "in a URL (query)"),
            (&[Url(Fragment)], "url", "in a URL (fragment)"),
            (&[Url(Password), Percent], "url-encoded", "in a URL (password, percent-encoded)"),
            (&[Url(Password), Percent, Percent], "url-encoded", "in a URL (password, percent-encoded)"),
            (&[Percent], "percent-encoded", "percent-encoded"),
            (&[Percent, Percent], "percent-encoded", "percent-encoded"),
            (&[Json], "json", "in JSON"),
            (&[Base64], "base64", "in base64"),
            (&[BasicHeader], "basic-header", "in a Basic header"),
            (&[Json, Base64], "base64-in-json", "in JSON, base64"),
            (&[Base64, Json], "json-in-base64", "in base64, JSON"),
            (&[Json, Json], "json-in-json", "in JSON, JSON"),
            (&[Json, Url(Password)], "url-in-json", "in JSON, a URL (password)"),
            (&[Json, Url(Query), Percent], "url-encoded-in-json", "in JSON, a URL (query, percent-encoded)"),
            (&[Json, BasicHeader], "basic-header-in-json", "in JSON, a Basic header"),
            (&[Url(Query), Base64], "base64-in-url", "in a URL (query), base64"),
            (&[Url(Query), Percent, Base64], "base64-in-url", "in a URL (query, percent-encoded), base64"),
            (&[Url(Query), Percent, Json], "json-in-url", "in a URL (query, percent-encoded), JSON"),
            (
                &[Url(Query), Percent, Url(Password), Percent],
                "url-encoded-in-url",
                "in a URL (query, percent-encoded), a URL (password, percent-encoded)",
            ),
            (&[Percent, BasicHeader], "basic-header-in-percent-encoded", "in percent-encoded text, a Basic header"),
        ];
        for (layers, name, description) in cases {
            let form = Form { layers: layers.to_vec() };
            assert_eq!((form.name().as_str(), form.description().as_str()), (name, description));
        }
    }
}
