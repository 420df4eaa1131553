#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/wire.hpp"

namespace tk {

struct entropy;

/// A uuid in place, without allocation. `Tag` makes ids of different things different types.
template <class Tag> struct id {
  uint64_t hi = 0, lo = 0;
  auto operator<=>(const id&) const = default;
  /// The nil id means "none": no stored thing carries it.
  [[nodiscard]] bool nil() const { return hi == 0 && lo == 0; }
  template <class F> friend wire<F> inspect(F& f, id& x) { return f(x.hi, x.lo); }
};

using user_id = id<struct user_tag>;
using event_id = id<struct event_tag>;
using seat_id = id<struct seat_tag>;
using ticket_type_id = id<struct ticket_type_tag>;
using reservation_id = id<struct reservation_tag>;
using family_id = id<struct family_tag>;
using node_id = id<struct node_tag>;
using artist_id = id<struct artist_tag>;
using layout_id = id<struct layout_tag>;
using request_id = id<struct request_tag>;
using payment_id = id<struct payment_tag>;
using attempt_id = id<struct attempt_tag>; ///< Of one try to move money; also a reservation's pin.
using refund_id = id<struct refund_tag>;
using ticket_id = id<struct ticket_tag>;

namespace detail {
/// Canonical lower-case form, 36 characters without terminator.
std::array<char, 36> uuid_text(uint64_t hi, uint64_t lo);
/// Accepts the canonical form, either case; nullopt for anything else.
std::optional<std::array<uint64_t, 2>> uuid_parse(std::string_view text);
/// 122 random bits from `source`, version 4, variant 1.
std::array<uint64_t, 2> uuid_v4(entropy& source);
} // namespace detail

/// Parses a uuid of any version in canonical form; nullopt when it is malformed.
template <class Id> std::optional<Id> parse_id(std::string_view text) {
  auto bits = detail::uuid_parse(text);
  if (!bits) return std::nullopt;
  return Id{(*bits)[0], (*bits)[1]};
}

/// A fresh random id (uuid v4).
template <class Id> Id make_id(entropy& source) {
  auto bits = detail::uuid_v4(source);
  return Id{bits[0], bits[1]};
}

template <class Tag> std::string to_string(const id<Tag>& x) {
  auto text = detail::uuid_text(x.hi, x.lo);
  return {text.data(), text.size()};
}

/// For hash tables that are never iterated where order matters (R19); placement uses `shard_of`.
struct id_hash {
  template <class Tag> size_t operator()(const id<Tag>& x) const {
    return static_cast<size_t>(x.hi ^ (x.lo * 0x9e3779b97f4a7c15ull));
  }
};

} // namespace tk
