#include "tests/simulation/coverage.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <span>
#include <string_view>

namespace tk::sim {

namespace {

constexpr const char* nothing = "nothing";

/// What is demanded of a sale. What is special about one is demanded of it alone, and all that
/// every sale has is demanded of the purchases where nothing is special.
enum class part : uint8_t { purchases, fail_over, moves, rooms, callbacks, relays };

part part_of(const sale_plan& x) {
  if (x.queue.any()) return part::rooms;
  if (x.fail_over) return part::fail_over;
  if (x.has("callbacks")) return part::callbacks;
  if (x.relay) return part::relays;
  return x.moves ? part::moves : part::purchases;
}

constexpr std::string_view faults_of_relays[] = {"early-number",  "long-writer", "broker-down",
                                                 "broker-silent", "rebalance",   "crash-at-mark",
                                                 "poison"};

bool is_demanded(part of, std::string_view fault) {
  bool of_moves = fault == "moves" || fault == "operators" || fault == "odd-shards";
  bool of_callbacks = fault.starts_with("callback-") || fault == "bank-late";
  bool of_relays = std::ranges::find(faults_of_relays, fault) != std::end(faults_of_relays);
  bool only_one_has_it = fault == "fail-over" || of_moves || of_callbacks || of_relays;
  bool of_rooms = fault == "crash-at-turn" || fault == "deaf-room";
  switch (of) {
  case part::purchases: return !only_one_has_it && !of_rooms;
  case part::fail_over: return fault == "fail-over";
  case part::moves: return of_moves;
  case part::callbacks: return of_callbacks;
  case part::relays: return of_relays;
  case part::rooms: return !only_one_has_it && !fault.starts_with("bank-"); // They ask no bank.
  }
  return false;
}

struct demand {
  const char *operation, *state;
};

/// What people can do in which state. States that an operation cannot meet, because nobody asks it
/// then, are not here: nobody prepares what was never theirs.
constexpr demand of_purchases[] = {
  {"reserve", "free"},
  {"reserve", "held"},
  {"reserve", "sold"},
  {"reserve", "standing"},
  {"cancel", "held"},
  {"cancel", "being paid"},
  {"cancel", "sold"},
  {"prepare", "held"},
  {"prepare", "run out"},
  {"prepare", "expired"},
  {"pay", "held"},
  {"pay", "being paid"},
  {"pay", "run out"},
  {"pay", "expired"},
  {"pay", "cancelled"},
  {"pay", "sold"},
  {"give back", "sold"},
  {"give back", "held"},
  {"give back", "being paid"},
  {"give back", "expired"},
  {"sign out", "any"},
};
/// The provider's calls: about what is paid, and about what cannot be had any more.
constexpr demand of_callbacks[] = {
  {"call back", "held"},    {"call back", "being paid"},
  {"call back", "sold"},    {"call back", "cancelled"},
  {"call back", "expired"}, {"call back", "run out"},
  {"pay", "held"},
};
/// Nobody waits for what is told; enough that it is told while people are at work.
constexpr demand of_relays[] = {{"reserve", "free"}, {"pay", "held"}};
constexpr demand of_rooms[] = {
  {"join", "new"},
  {"join", "new, pre-queue"},
  {"join", "in the pre-queue"},
  {"join", "waiting"},
  {"join", "inside"},
  {"look", "new"},
  {"look", "new, pre-queue"},
  {"look", "in the pre-queue"},
  {"look", "waiting"},
  {"look", "inside"},
  {"leave", "new"},
  {"leave", "new, pre-queue"},
  {"leave", "in the pre-queue"},
  {"leave", "waiting"},
  {"leave", "inside"},
};

std::span<const demand> demanded_of(part x) {
  if (x == part::rooms) return of_rooms;
  if (x == part::callbacks) return of_callbacks;
  if (x == part::relays) return of_relays;
  return of_purchases;
}

/// Not demanded under a fault ("*" = under any, but somewhere), with the reason: what is this rare
/// would be missing after every change that moves the seeds.
struct allowed {
  const char *operation, *state, *fault, *reason;
};
constexpr allowed excused[] = {
  {"*", "*", "skew", "a clock is wrong from its node's start, seldom while anything is asked"},
  {"reserve", "*", "bank-*", "asks no bank"},
  {"cancel", "*", "bank-*", "asks no bank"},
  {"prepare", "*", "bank-*", "asks no bank"},
  {"pay", "expired", "bank-*", "asks no bank"},
  {"pay", "sold", "bank-*", "asks no bank"},
  {"give back", "held", "bank-*", "asks no bank"},
  {"sign out", "*", "bank-*", "asks no bank"},
  {"cancel", "being paid", "*", "only while a payment is on its way"},
  {"prepare", "run out", "*", "lasts for moments, until the block has ended it"},
  {"pay", "run out", "*", "lasts for moments, until the block has ended it"},
  {"pay", "cancelled", "*", "lasts from a cancellation to the payment that was on its way"},
  {"cancel", "sold", "*", "only a payment that overtakes the cancellation sells before it"},
  {"give back", "being paid", "*", "only while a payment is slower than the change of mind"},
  {"give back", "expired", "*", "only who got no answer to the payment asks so late"},
  {"give back", "sold", "fail-over", "only who changes their mind when it strikes"},
  {"prepare", "expired", "odd-shards", "one node for a while, and few prepare what has just ended"},
  {"call back", "sold", "bank-late", "its order is paid, so nothing of it is on its way"},
  {"call back", "cancelled", "bank-late", "few are cancelled after they were paid"},
  {"call back", "run out", "*", "lasts for moments, until the block has ended it"},
  {"join", "in the pre-queue", "*", "only who comes twice before it opens"},
  {"look", "in the pre-queue", "*", "lasts for twenty seconds of some evenings"},
  {"look", "new, pre-queue", "*", "lasts for twenty seconds of some evenings"},
  {"leave", "new, pre-queue", "*", "only who leaves twice before it opens"},
  {"leave", "in the pre-queue", "*", "only who leaves before it opens"},
  {"leave", "new", "*", "only who leaves what they have left, or lost"},
  {"join", "inside", "crash-at-commit", "only who is inside and comes again when it strikes"},
  {"join", "inside", "deaf-room", "one ingress, once an evening, and few are inside"},
  {"leave", "*", "deaf-room", "one ingress, once an evening, and few leave"},
};
/// Probes that stay at zero here, with the reason.
struct silent_probe {
  part of;
  const char *name, *reason;
};
constexpr silent_probe silent[] = {
  {part::purchases, "payments_late", "the bank takes no money after it said that it had not"},
  {part::purchases, "told:*", "demanded of relay"},
  {part::rooms, "told:*", "demanded of relay"},
  {part::purchases, "unheard:*", "demanded of callbacks"},
  {part::rooms, "unheard:*", "nobody pays twice, late or with a bad card there"},
  {part::rooms, "payments_*", "nobody pays twice, late or with a bad card there"},
  {part::rooms, "bank_calls_*", "nobody pays twice, late or with a bad card there"},
  {part::rooms, "refunds_*", "nobody gives anything back there"},
  {part::rooms, "reservations_cancelled", "nobody gives anything back there"},
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

/// A pattern is a name, or the beginning of one and `*`.
bool matches(std::string_view pattern, std::string_view x) {
  return pattern.ends_with('*') ? x.starts_with(pattern.substr(0, pattern.size() - 1))
                                : pattern == x;
}

/// Probes are demanded where everything is.
bool is_probed(part of, std::string_view probe) {
  if (probe.starts_with("told:")) return of == part::relays;
  if (of == part::relays) return false;
  bool of_bank = probe.starts_with("unheard:") || probe == "payments_late";
  if (of == part::callbacks) return of_bank;
  if (of == part::fail_over) return probe == "payments_late"; // Nowhere else.
  if (of == part::moves) return false;
  return std::ranges::none_of(silent,
                              [&](auto& y) { return y.of == of && matches(y.name, probe); });
}

/// Why it is not demanded, or null.
const allowed* why_not(const demand& x, std::string_view fault) {
  auto i = std::ranges::find_if(excused, [&](auto& y) {
    return matches(y.operation, x.operation) && matches(y.state, x.state) &&
           matches(y.fault, fault);
  });
  return i == std::end(excused) ? nullptr : i;
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
    auto line = padded(std::string{operation}.append(", ").append(state), name_width);
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

std::vector<std::string> coverage::missing(const sale_plan& of) const {
  std::vector<std::string> out;
  auto what = part_of(of);
  for (auto& x : demanded_of(what)) {
    bool ever = false;
    for (auto& fault : fault_names()) {
      bool tried = cells_.contains({x.operation, x.state, fault});
      ever = ever || tried;
      if (!tried && is_demanded(what, fault) && why_not(x, fault) == nullptr)
        out.push_back(std::string{x.operation} + ", " + x.state + ", under " + fault);
    }
    if (!ever) out.push_back(std::string{x.operation} + ", " + x.state + ", under anything");
  }
  for (auto& [name, n] : probes_)
    if (n == 0 && is_probed(what, name)) out.push_back("probe " + name);
  return out;
}

std::vector<std::string> coverage::not_demanded(const sale_plan& of) {
  std::vector<std::string> out;
  auto add = [&out](std::initializer_list<std::string_view> parts) {
    auto& line = out.emplace_back();
    for (auto x : parts) line += x;
  };
  auto what = part_of(of);
  for (auto& fault : fault_names())
    if (!is_demanded(what, fault)) add({"under ", fault, ": demanded of another sale, if at all"});
  for (auto& x : excused) add({x.operation, ", ", x.state, ", under ", x.fault, ": ", x.reason});
  for (auto& x : silent)
    if (x.of == what) add({"probe ", x.name, ": ", x.reason});
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
