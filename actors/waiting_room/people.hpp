#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "actors/base/ids.hpp"

namespace tk {

/// Where somebody stands: behind everybody with a lower number of the same kind, and whoever has a
/// number of the gate stands before all who came directly (contract 4.1).
struct queue_place {
  bool direct = true;  ///< Numbered by the room in order of arrival; else by the gate (tier 1).
  uint32_t number = 0; ///< From 1; 0 = no place.
  auto operator<=>(const queue_place&) const = default;
  [[nodiscard]] bool none() const { return number == 0; }
  /// Both in 32 bits, for rows and batches. Numbers end at 2^31 - 1.
  [[nodiscard]] uint32_t code() const { return number | (direct ? 0x80000000u : 0); }
  static queue_place of(uint32_t code) { return {(code >> 31) != 0, code & 0x7fffffffu}; }
};

/// Somebody who waits: 24 bytes.
struct waiting_person {
  user_id user;
  uint32_t place = 0;       ///< `queue_place::code`.
  uint32_t seen_s : 25 = 0; ///< On the room's presence clock: a year of one life of it.
  uint32_t poll_s : 7 = 0;  ///< When they were told to ask again, `poll_max_s` at most.
  static constexpr int32_t poll_max_s = 127;
};

/// Everybody who waits, by user. A hash table of indices over entries that do not move: 40 bytes a
/// person at a million.
class waiting_people {
public:
  using entry = uint32_t;

  /// The user must not be there.
  entry add(const waiting_person& x);
  void remove(entry x);
  [[nodiscard]] std::optional<entry> find(user_id x) const;
  [[nodiscard]] waiting_person& at(entry x) { return people_[x]; }
  [[nodiscard]] const waiting_person& at(entry x) const { return people_[x]; }
  [[nodiscard]] size_t size() const { return people_.size() - free_.size(); }
  void clear();
  [[nodiscard]] size_t bytes() const;

private:
  static constexpr entry empty = 0xffffffffu;
  [[nodiscard]] size_t home_of(user_id x) const;
  void grow();

  std::deque<waiting_person> people_;
  std::vector<entry> free_;
  std::vector<entry> table_; ///< Linear probing; a power of two, at most 3/4 full.
};

} // namespace tk
