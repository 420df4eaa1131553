#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/placement.hpp"
#include "persistence/pg/params.hpp"

namespace tk {

/// The arrays of one statement and their binding; memory is kept from batch to batch.
namespace batch_arrays {

/// A value that is null when it is nil, empty or the epoch.
template <class T> struct optional_value {
  const T& is;
};
template <class T> optional_value<T> or_null(const T& x) { return {x}; }

inline void put(pg::array*& at, const std::integral auto& x) { at++->push_int(x); }
inline void put(pg::array*& at, bool x) { at++->push_bool(x); }
inline void put(pg::array*& at, won x) { at++->push_int(x.amount); }
inline void put(pg::array*& at, instant x) { at++->push_time(x); }
void put(pg::array*& at, const char* x) = delete; // It would become a bool.
inline void put(pg::array*& at, std::string_view x) { at++->push_text(x); }
template <class Tag> void put(pg::array*& at, const id<Tag>& x) { at++->push_id(x); }
template <class Tag> void put(pg::array*& at, optional_value<id<Tag>> x) {
  at++->push_id_or_null(x.is);
}
inline void put(pg::array*& at, optional_value<std::string> x) { at++->push_text_or_null(x.is); }
inline void put(pg::array*& at, optional_value<instant> x) {
  if (x.is == instant{}) at++->push_null();
  else at++->push_time(x.is);
}
template <class T> void put(pg::array*& at, const std::optional<T>& x) {
  if (x) put(at, *x);
  else at++->push_null();
}
/// Fills two columns: an owner is its shard and the epoch it decides in.
inline void put(pg::array*& at, const participant& x) {
  at++->push_int(x.shard);
  at++->push_int(x.epoch);
}

template <class T> inline constexpr size_t columns_of = std::same_as<T, participant> ? 2 : 1;

template <size_t N> struct table {
  std::array<pg::array, N> at;
  pg::params values;

  void clear() {
    for (auto& x : at) x.clear();
    values.clear();
  }
  void bind() {
    for (auto& x : at) values.add(x);
  }
  [[nodiscard]] bool empty() const { return at[0].size() == 0; }

  /// Appends a row: a value for each column, two for a participant.
  template <class... Xs> void row(const Xs&... xs) { part<0, N>(xs...); }
  /// The same for the columns from `First` on, where a statement has rows of two kinds.
  template <size_t First, size_t Count, class... Xs> void part(const Xs&... xs) {
    static_assert(First + Count <= N && (0 + ... + columns_of<Xs>) == Count);
    pg::array* next = &at[First];
    (put(next, xs), ...);
  }
};

template <class... Oids> auto make_table(Oids... x) {
  return table<sizeof...(Oids)>{{pg::array{x}...}, {}};
}

inline constexpr auto i4 = pg::oid::int4;
inline constexpr auto i8 = pg::oid::int8;
inline constexpr auto id_ = pg::oid::uuid;
inline constexpr auto str = pg::oid::text;
inline constexpr auto ts = pg::oid::timestamptz;
inline constexpr auto yes_no = pg::oid::boolean;

} // namespace batch_arrays

/// What every writer of a batch locks first, in the global order.
struct lock_columns {
  batch_arrays::table<1> shards = batch_arrays::make_table(batch_arrays::i4);
  batch_arrays::table<1> reservations = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> seats = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> types = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> users = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> rooms = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> gates = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> listings = batch_arrays::make_table(batch_arrays::id_);
  batch_arrays::table<1> memberships = batch_arrays::make_table(batch_arrays::id_);

  void clear() {
    for (auto* x :
         {&shards, &reservations, &seats, &types, &users, &rooms, &gates, &listings, &memberships})
      x->clear();
  }
  void shard(const participant& x) { shards.row(x.shard); }
  void reservation(reservation_id x) { reservations.row(x); }
  /// What is paid for.
  void subject(payment_subject of, reservation_id x) {
    switch (of) {
    case payment_subject::transfer: listings.row(x); break;
    case payment_subject::membership: memberships.row(x); break;
    case payment_subject::reservation: reservations.row(x); break;
    }
  }
  void user(user_id x) { users.row(x); }
  void room(event_id x) { rooms.row(x); }
  void gate(event_id x) { gates.row(x); }
  void item(seat_id seat, ticket_type_id type) {
    if (!seat.nil()) seats.row(seat);
    if (!type.nil()) types.row(type);
  }
};

} // namespace tk
