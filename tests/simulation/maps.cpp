#include "tests/simulation/maps.hpp"

#include <algorithm>
#include <utility>

#include "tests/simulation/names.hpp"

namespace tk::sim {

namespace {

constexpr uint8_t sold = 2;

seat_id seat_at(const told_map& x, size_t i) {
  return seat_of(x.block, static_cast<int32_t>(i) + 1);
}

std::string name_of(const told_map& x) {
  return "block " + std::to_string(x.block) + ", version " + std::to_string(x.epoch) + "/" +
         std::to_string(x.version);
}

seat_act act_of(uint8_t shown) {
  return shown == 0 ? seat_act::see_free : shown == 1 ? seat_act::see_held : seat_act::see_sold;
}

} // namespace

std::string map_history::saw(const told_map& x) {
  auto [known, fresh] = versions_.try_emplace({x.block, x.epoch, x.version}, shown{x, x});
  auto& of_version = known->second;
  if (x.seats != of_version.first.seats || x.available != of_version.first.available)
    return "I24: a map shows two things as " + name_of(x);
  // What is not current promises nothing about its age: it never replaces a look that does.
  if (x.at >= of_version.last.at && (x.current || !of_version.last.current)) of_version.last = x;
  auto [before, first_look] = newest_.try_emplace({x.client, x.node, x.life, x.block}, x);
  if (first_look) return {};
  auto& old = before->second;
  if (std::tie(x.epoch, x.version) < std::tie(old.epoch, old.version))
    return "I24: a map went back to " + name_of(x) + ", after " + name_of(old);
  for (size_t i = 0; i < x.seats.size(); ++i)
    if (old.seats[i] == sold && x.seats[i] != sold) returns_.push_back({seat_at(x, i), x.at});
  old = x;
  return {};
}

std::vector<look_at_seat> map_history::looks(millis old, instant start) const {
  std::vector<look_at_seat> out;
  auto add = [&](const told_map& x) {
    auto from = x.current ? std::max(start, x.at - old) : start;
    for (size_t i = 0; i < x.seats.size(); ++i)
      out.push_back({seat_at(x, i), act_of(x.seats[i]), from, x.at});
  };
  for (auto& [version, x] : versions_) {
    add(x.first);
    if (x.last.at != x.first.at) add(x.last);
  }
  return out;
}

} // namespace tk::sim
