#include "tests/simulation/coverage.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace tk::sim {

namespace {

constexpr const char* nothing = "nothing";
/// A fault that only one sale has.
constexpr std::string_view of_one_sale = "fail-over";

struct demand {
  const char *operation, *state;
};

/// What people can do in which state. States that an operation cannot meet, because nobody asks it
/// then, are not here: nobody prepares what was never theirs.
constexpr demand demanded[] = {
  {"reserve", "free"},    {"reserve", "held"},      {"reserve", "sold"},   {"reserve", "standing"},
  {"cancel", "held"},     {"cancel", "being paid"}, {"prepare", "held"},   {"prepare", "run out"},
  {"prepare", "expired"}, {"pay", "held"},          {"give back", "sold"}, {"give back", "held"},
  {"sign out", "any"},
};

/// Not demanded under every fault, with the reason.
struct allowed {
  const char *operation, *state, *fault, *reason;
};
constexpr allowed excused[] = {
  {"prepare", "run out", "*", "lasts for moments, until the block has ended it"},
  {"prepare", "expired", "*", "only who pays late comes so late"},
};
/// Probes that stay at zero here, with the reason.
struct silent_probe {
  const char *name, *reason;
};
constexpr silent_probe silent[] = {
  {"payments_late", "the bank takes no money after it said that it had not"},
};

std::string padded(std::string x, size_t width) {
  x.resize(std::max(x.size(), width), ' ');
  return x;
}

/// The columns of the table: no fault, then every kind.
std::vector<std::string> fault_names() {
  std::vector<std::string> out{nothing};
  for (auto& x : fault_kinds()) out.emplace_back(x.name);
  return out;
}

bool is_excused(const demand& x, std::string_view fault) {
  return std::ranges::any_of(excused, [&](auto& y) {
    return std::string_view{y.operation} == x.operation && std::string_view{y.state} == x.state &&
           (std::string_view{y.fault} == "*" || fault == y.fault);
  });
}

} // namespace

void coverage::end(const open_request& x, const fault_counts& now) {
  bool quiet = true;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i] == x.struck[i]) continue;
    quiet = false;
    ++cells_[{x.what.operation, x.what.state, fault_kinds()[i].name}];
  }
  if (quiet) ++cells_[{x.what.operation, x.what.state, nothing}];
}

void coverage::add(const coverage& x) {
  for (auto& [where, n] : x.cells_) cells_[where] += n;
  for (auto& [name, n] : x.probes_) probes_[name] += n;
}

std::vector<std::string> coverage::table() const {
  constexpr size_t name_width = 24, width = 7;
  auto right = [](const std::string& x) {
    return std::string(x.size() < width ? width - x.size() : 1, ' ') + x;
  };
  auto names = fault_names();
  std::vector<std::string> out;
  std::string head(name_width, ' ');
  for (size_t i = 0; i < names.size(); ++i) {
    out.push_back(std::to_string(i) + " = " + names[i]);
    head += right(std::to_string(i));
  }
  out.push_back(head);
  std::set<std::pair<std::string, std::string>> rows;
  for (auto& [where, n] : cells_) rows.emplace(std::get<0>(where), std::get<1>(where));
  for (auto& [operation, state] : rows) {
    auto line = padded(operation + ", " + state, name_width);
    for (auto& fault : names) {
      auto i = cells_.find({operation, state, fault});
      line += right(i == cells_.end() ? "-" : std::to_string(i->second));
    }
    out.push_back(std::move(line));
  }
  for (auto& [name, n] : probes_)
    out.push_back(padded(name, name_width).append(right(std::to_string(n))));
  return out;
}

std::vector<std::string> coverage::missing() const {
  std::vector<std::string> out;
  for (auto& x : demanded)
    for (auto& fault : fault_names())
      if (fault != of_one_sale && !is_excused(x, fault) &&
          !cells_.contains({x.operation, x.state, fault}))
        out.push_back(std::string{x.operation} + ", " + x.state + ", under " + fault);
  for (auto& [name, n] : probes_) {
    auto known = [&name = name](auto& y) { return name == y.name; };
    if (n == 0 && std::ranges::none_of(silent, known)) out.push_back("probe " + name);
  }
  return out;
}

std::map<std::string, uint64_t> coverage::flat() const {
  std::map<std::string, uint64_t> out;
  for (auto& [where, n] : cells_)
    out[std::get<0>(where) + "|" + std::get<1>(where) + "|" + std::get<2>(where)] = n;
  for (auto& [name, n] : probes_) out[name] = n;
  return out;
}

coverage coverage::from_flat(const std::map<std::string, uint64_t>& x) {
  coverage out;
  for (auto& [name, n] : x) {
    auto first = name.find('|'), second = name.rfind('|');
    if (first == std::string::npos) out.probes_[name] = n;
    else
      out.cells_[{name.substr(0, first), name.substr(first + 1, second - first - 1),
                  name.substr(second + 1)}] = n;
  }
  return out;
}

} // namespace tk::sim
