#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "actors/waiting_room/board.hpp"

/// `tiketi-inspect verify-draw`: whether the published files of a draw fit each other, and where
/// somebody stands by them (docs/fair-draw.md). Needs the files alone, no shop.
namespace tk::inspector {

/// What a shop publishes of a draw.
struct published_draw {
  event_id event;
  board_draw draw;
  struct line {
    uint32_t number = 0;
    std::string pseudonym;
  };
  std::vector<line> lines; ///< In the order of the list, whichever page was read first.
  struct page {
    int64_t next = last_page; ///< Pages rise by it.
    size_t lines = 0;
  };
  static constexpr int64_t last_page = std::numeric_limits<int64_t>::max();
  std::vector<page> pages;
};

/// Adds a JSON text to `to`: the answer of `/api/queue/fairness/{event}`, or a page of its list, in
/// any order. Whatever cannot be read is said, and so is what another reader of docs/fair-draw.md
/// would read otherwise: a number that is no integer, digits that are not lowercase.
tl::expected<void, std::string> read_published(const std::string& text, published_draw& to);

/// What contradicts; empty = the files fit each other.
std::vector<std::string> contradictions(const published_draw& x);

/// Whom one asks about.
struct drawn_person {
  std::optional<uint32_t> number;
  std::optional<user_id> user; ///< Found by pseudonym; the last place, for who left and came again.
};

/// From 1: how many of the list are served before, and one. Nullopt for who is not of it.
std::optional<uint32_t> position_of(const published_draw& x, const drawn_person& who);

/// The list's numbers in the order in which they are served.
std::vector<uint32_t> served_order(const published_draw& x);

} // namespace tk::inspector
