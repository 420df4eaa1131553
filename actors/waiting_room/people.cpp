#include "actors/waiting_room/people.hpp"

#include <utility>

namespace tk {

size_t waiting_people::home_of(user_id x) const {
  auto mixed = (x.hi ^ (x.lo >> 31)) * 0x9e3779b97f4a7c15ull + x.lo;
  mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9ull;
  return static_cast<size_t>(mixed ^ (mixed >> 32)) & (table_.size() - 1);
}

void waiting_people::grow() {
  constexpr size_t least = 64;
  auto old = std::exchange(table_, std::vector<entry>(std::max(least, table_.size() * 2), empty));
  for (auto x : old) {
    if (x == empty) continue;
    auto i = home_of(people_[x].user);
    while (table_[i] != empty) i = (i + 1) & (table_.size() - 1);
    table_[i] = x;
  }
}

waiting_people::entry waiting_people::add(const waiting_person& x) {
  if ((size() + 1) * 4 > table_.size() * 3) grow();
  entry out = 0;
  if (free_.empty()) {
    out = static_cast<entry>(people_.size());
    people_.push_back(x);
  } else {
    out = free_.back();
    free_.pop_back();
    people_[out] = x;
  }
  auto i = home_of(x.user);
  while (table_[i] != empty) i = (i + 1) & (table_.size() - 1);
  table_[i] = out;
  return out;
}

std::optional<waiting_people::entry> waiting_people::find(user_id x) const {
  if (table_.empty()) return std::nullopt;
  for (auto i = home_of(x); table_[i] != empty; i = (i + 1) & (table_.size() - 1))
    if (people_[table_[i]].user == x) return table_[i];
  return std::nullopt;
}

void waiting_people::remove(entry x) {
  const auto mask = table_.size() - 1;
  auto gap = home_of(people_[x].user);
  while (table_[gap] != x) gap = (gap + 1) & mask;
  // Whoever was pushed on by the gap's owner moves up, so that no search ends at the gap.
  for (auto i = (gap + 1) & mask; table_[i] != empty; i = (i + 1) & mask) {
    const auto home = home_of(people_[table_[i]].user);
    if (((i - home) & mask) < ((i - gap) & mask)) continue;
    table_[gap] = table_[i];
    gap = i;
  }
  table_[gap] = empty;
  people_[x] = {};
  free_.push_back(x);
}

void waiting_people::clear() {
  people_.clear();
  free_.clear();
  table_.clear();
}

size_t waiting_people::bytes() const {
  return people_.size() * sizeof(waiting_person) +
         (free_.capacity() + table_.capacity()) * sizeof(entry);
}

} // namespace tk
