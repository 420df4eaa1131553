#pragma once

#include <array>
#include <cstddef>

#include "persistence/pg/params.hpp"

/// The arrays of one statement and their binding; memory is kept from batch to batch.
namespace tk::batch_arrays {

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

} // namespace tk::batch_arrays
