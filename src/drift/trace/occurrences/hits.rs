//! The occurrences of a value in a text, and what replaces them.

use std::collections::BTreeMap;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::trace::form::Layer;
use crate::drift::trace::occurrences::Irreplaceable;

/// What replaces an occurrence. Empty in a search that replaces nothing.
pub(super) type Replacement = Result<Zeroizing<String>, Irreplaceable>;

/// An occurrence of the value, or base64 that contains it.
pub(super) struct Hit {
    pub(super) range: Range<usize>,
    /// The layers around the value, the outermost first. Base64 may contain it in several forms.
    pub(super) forms: Vec<Vec<Layer>>,
    pub(super) replacement: Replacement,
}

/// Occurrences that do not overlap.
#[derive(Default)]
pub(super) struct Hits {
    by_start: BTreeMap<usize, Hit>,
}

impl Hits {
    /// Adds an occurrence, unless it overlaps one that was added before.
    pub(super) fn insert(&mut self, hit: Hit) {
        if !hit.range.is_empty() && !self.overlaps(&hit.range) {
            self.by_start.insert(hit.range.start, hit);
        }
    }

    /// Adds the occurrences in a part of the text that starts at `start`.
    pub(super) fn extend(&mut self, start: usize, part: Self) {
        for hit in part.by_start.into_values() {
            self.insert(Hit { range: hit.range.start + start..hit.range.end + start, ..hit });
        }
    }

    /// Returns whether an occurrence has a byte of the range.
    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        self.by_start.range(..range.end).next_back().is_some_and(|(_, hit)| hit.range.end > range.start)
    }

    /// Returns whether an occurrence has bytes on both sides of the place.
    pub(super) fn cross(&self, at: usize) -> bool {
        self.by_start.range(..at).next_back().is_some_and(|(_, hit)| hit.range.end > at)
    }

    /// Removes the occurrences that have a byte of one of the ranges, which are in order.
    pub(super) fn remove_in(&mut self, ranges: &[Range<usize>]) {
        self.by_start.retain(|_, hit| {
            let next = ranges.partition_point(|range| range.end <= hit.range.start);
            ranges.get(next).is_none_or(|range| range.start >= hit.range.end)
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    pub(super) fn into_hits(self) -> impl Iterator<Item = Hit> {
        self.by_start.into_values()
    }

    pub(super) fn forms(&self) -> impl Iterator<Item = &Vec<Layer>> {
        self.by_start.values().flat_map(|hit| &hit.forms)
    }

    /// Puts a layer around every occurrence.
    pub(super) fn wrap(&mut self, layer: Layer) {
        for form in self.by_start.values_mut().flat_map(|hit| &mut hit.forms) {
            *form = inside(layer, form);
        }
    }

    /// Returns the text with every occurrence replaced.
    pub(super) fn splice(&self, text: &str) -> Replacement {
        self.splice_part(text, 0..text.len())
    }

    /// Returns a part of the text with every occurrence in it replaced.
    pub(super) fn splice_part(&self, text: &str, part: Range<usize>) -> Replacement {
        let mut length = part.len();
        for hit in self.by_start.range(part.clone()).map(|(_, hit)| hit) {
            length += hit.replacement.as_ref().map_err(|irreplaceable| *irreplaceable)?.len();
        }
        let mut result = Zeroizing::new(String::with_capacity(length));
        let mut end = part.start;
        for hit in self.by_start.range(part.clone()).map(|(_, hit)| hit) {
            result.push_str(&text[end..hit.range.start]);
            result.push_str(hit.replacement.as_ref().map_err(|irreplaceable| *irreplaceable)?);
            end = hit.range.end;
        }
        result.push_str(&text[end..part.end]);
        Ok(result)
    }

    /// Marks every occurrence as irreplaceable.
    pub(super) fn reject(&mut self) {
        for hit in self.by_start.values_mut() {
            hit.replacement = Err(Irreplaceable::Unencodable);
        }
    }
}

/// Returns the layers with another one around them. Other text inside an encoding is not worth a mention.
pub(super) fn inside(layer: Layer, layers: &[Layer]) -> Vec<Layer> {
    let inner = layers.iter().copied().filter(|inner| *inner != Layer::Text);
    [layer].into_iter().chain(inner).collect()
}
