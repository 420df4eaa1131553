#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "tests/simulation/rehearsal.hpp"
#include "tests/simulation/wording.hpp"

namespace tk::sim {

namespace {

using nlohmann::ordered_json;

std::string line(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string line(const char* format, ...) {
  char out[512];
  va_list args;
  va_start(args, format);
  std::vsnprintf(out, sizeof out, format, args);
  va_end(args);
  return out;
}

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string row(const char* what, const spread& x) {
  if (x.count == 0) return line("  %-34s %8s\n", what, "never");
  return line("  %-34s %8s %10s %10s %10s\n", what, words(x.half).c_str(), words(x.most).c_str(),
              words(x.nearly_all).c_str(), words(x.longest).c_str());
}

std::string selling(const rehearsal& x) {
  std::string out = headline(x) + "\n\n";
  out += line("Tickets: %lld sold, %lld held, %lld free, of %lld; income %s won\n",
              static_cast<long long>(x.at_end.sold), static_cast<long long>(x.at_end.held),
              static_cast<long long>(x.at_end.free), static_cast<long long>(x.capacity),
              grouped(x.revenue.amount).c_str());
  for (auto& s : x.sections)
    out +=
      line("  %-34s %6lld of %-6lld %5.1f %%\n", s.name.c_str(), static_cast<long long>(s.sold),
           static_cast<long long>(s.capacity), percent(s.sold, s.capacity));
  return out;
}

std::string visiting(const rehearsal& x) {
  auto out = line("\nVisitors: %lld; %lld had to try more than once\n",
                  static_cast<long long>(x.visitors), static_cast<long long>(x.outrun_once));
  for (auto& [how, n] : x.endings)
    out += line("  %-34s %6lld %15.1f %%\n", ending_names[static_cast<size_t>(how)],
                static_cast<long long>(n), percent(n, x.visitors));
  out += line("\nWaiting %44s %10s %10s %10s\n", "half within", "90 %", "99 %", "longest");
  out += row("a wish is answered, or given up", x.wishes);
  out += row("a payment is answered", x.payments);
  out += row("from coming to a hold", x.until_held);
  out += row("from coming to tickets in hand", x.until_bought);
  out +=
    line("\nRequests: %llu, %llu without an answer, %llu that nobody could take\n",
         static_cast<unsigned long long>(x.requests), static_cast<unsigned long long>(x.unanswered),
         static_cast<unsigned long long>(x.turned_away));
  for (auto& [reason, n] : x.refusals)
    out +=
      line("  wish refused: %-20s %6llu\n", reason.c_str(), static_cast<unsigned long long>(n));
  return out;
}

std::string loading(const rehearsal& x) {
  std::string out;
  if (auto hot = hottest_block(x))
    out += line("\nHottest block: %s, %llu wishes for its tickets, %llu refused\n",
                x.name_of_block(*hot).c_str(),
                static_cast<unsigned long long>(x.wishes_of_block.at(*hot)),
                static_cast<unsigned long long>(
                  x.refusals_of_block.contains(*hot) ? x.refusals_of_block.at(*hot) : 0));
  out += "\nNodes                                requests   messages handled   ops to the ledger\n";
  for (auto& [node, n] : x.messages_of_node) {
    auto of = [node = node](auto& map) {
      auto i = map.find(node);
      return static_cast<unsigned long long>(i == map.end() ? 0 : i->second);
    };
    out += line("  node %d %38llu %18llu %19llu\n", node, of(x.requests_of_node),
                static_cast<unsigned long long>(n), of(x.ops_of_node));
  }
  if (!x.faults.empty()) out += "\nFaults\n";
  for (auto& f : x.faults)
    out += line("  %-44s %llu requests without answer, %llu nobody could take, slowest wish %s\n",
                describe(f.what).c_str(), static_cast<unsigned long long>(f.unanswered),
                static_cast<unsigned long long>(f.turned_away), words(f.slowest_wish).c_str());
  return out;
}

constexpr char honesty[] =
  "\nTimes are virtual. Handlers take none of it: a wait is made of the ways between nodes, of\n"
  "commits, of the provider, of people and of asking again after a fault. How many requests a\n"
  "machine can do in a second is not shown here; ./dev bench measures that.\n";

ordered_json json_of(const spread& x) {
  return {{"count", x.count},
          {"half_ms", x.half.count()},
          {"p90_ms", x.most.count()},
          {"p99_ms", x.nearly_all.count()},
          {"longest_ms", x.longest.count()}};
}

template <class T> ordered_json ms_or_null(const std::optional<T>& x) {
  return x ? ordered_json(x->count()) : ordered_json(nullptr);
}

ordered_json lists_of(const rehearsal& x) {
  ordered_json out;
  for (auto& s : x.sections)
    out["sections"].push_back({{"name", s.name},
                               {"capacity", s.capacity},
                               {"sold", s.sold},
                               {"income_won", s.revenue.amount}});
  for (auto& [block, n] : x.wishes_of_block) {
    auto refused = x.refusals_of_block.find(block);
    out["blocks"].push_back(
      {{"name", x.name_of_block(block)},
       {"wishes", n},
       {"refused", refused == x.refusals_of_block.end() ? 0 : refused->second}});
  }
  for (auto& [node, n] : x.messages_of_node) {
    auto requests = x.requests_of_node.find(node), ops = x.ops_of_node.find(node);
    out["nodes"].push_back(
      {{"node", node},
       {"requests", requests == x.requests_of_node.end() ? 0 : requests->second},
       {"messages", n},
       {"ops", ops == x.ops_of_node.end() ? 0 : ops->second}});
  }
  out["faults"] = ordered_json::array();
  for (auto& f : x.faults)
    out["faults"].push_back({{"what", name_of(f.what.what)},
                             {"at_ms", f.what.at.count()},
                             {"for_ms", f.what.length.count()},
                             {"node", f.what.node},
                             {"unanswered", f.unanswered},
                             {"turned_away", f.turned_away},
                             {"slowest_wish_ms", f.slowest_wish.count()}});
  for (auto& s : x.line)
    out["over_time"].push_back({{"at_ms", s.at.count()},
                                {"sold", s.tickets.sold},
                                {"held", s.tickets.held},
                                {"free", s.tickets.free},
                                {"present", s.present},
                                {"refused_taken", s.taken},
                                {"refused_failed", s.failed}});
  return out;
}

} // namespace

// -- wording.hpp ----------------------------------------------------------------------------------

std::string words(millis x) {
  auto ms = x.count();
  if (ms < 1'000) return line("%lld ms", static_cast<long long>(ms));
  if (ms < 120'000) return line("%.1f s", static_cast<double>(ms) / 1000);
  return line("%lld min %02lld s", static_cast<long long>(ms / 60'000),
              static_cast<long long>(ms / 1000 % 60));
}

std::string grouped(int64_t x) {
  auto out = std::to_string(x);
  for (auto i = std::ssize(out) - 3; i > (x < 0 ? 1 : 0); i -= 3)
    out.insert(static_cast<size_t>(i), ",");
  return out;
}

std::string describe(const mishap& x) {
  auto node = "node " + std::to_string(x.node);
  auto length = " for " + words(x.length);
  switch (x.what) {
  case mishap::kind::node_dies: return node + " dies, back after " + words(x.length);
  case mishap::kind::node_stops: return node + " stands still" + length;
  case mishap::kind::node_cut_off: return node + " cut off" + length;
  case mishap::kind::database_away: return "no database" + length;
  case mishap::kind::provider_away: return "no payment provider" + length;
  case mishap::kind::provider_slow: return "slow payment provider" + length;
  }
  return {};
}

std::string headline(const rehearsal& x) {
  auto free = x.nothing_free ? "Nothing was left to hold after " + words(*x.nothing_free) + "; "
                             : std::string{"There was always something left to hold; "};
  if (x.sold_out) return free + "sold out after " + words(*x.sold_out) + ".";
  return free + grouped(x.capacity - x.at_end.sold) + " of " + grouped(x.capacity) +
         " tickets were not sold.";
}

std::optional<int32_t> hottest_block(const rehearsal& x) {
  auto less = [](auto& a, auto& b) { return a.second < b.second; };
  auto i = std::ranges::max_element(x.wishes_of_block, less);
  return i == x.wishes_of_block.end() ? std::nullopt : std::optional{i->first};
}

// -- rehearsal.hpp --------------------------------------------------------------------------------

std::string to_text(const rehearsal& x) {
  auto out = x.what.name + ": " + x.what.about + "\n" + grouped(x.visitors) + " visitors, " +
             grouped(x.capacity) + " tickets, " + std::to_string(x.what.nodes) + " nodes, seed " +
             std::to_string(x.what.seed) + "\n\n" + selling(x) + visiting(x) + loading(x) + honesty;
  if (!x.wrong.empty()) out += "\nWRONG: " + x.wrong + "\n";
  return out;
}

ordered_json to_json(const rehearsal& x) {
  ordered_json out{{"name", x.what.name}, {"about", x.what.about}, {"seed", x.what.seed}};
  out["wrong"] = x.wrong;
  out["times"] = "virtual: handlers take none";
  out["visitors"] = x.visitors;
  for (auto& [how, n] : x.endings) out["endings"][ending_names[static_cast<size_t>(how)]] = n;
  out["tickets"] = {{"capacity", x.capacity},
                    {"sold", x.at_end.sold},
                    {"held", x.at_end.held},
                    {"free", x.at_end.free},
                    {"income_won", x.revenue.amount}};
  out["nothing_free_after_ms"] = ms_or_null(x.nothing_free);
  out["sold_out_after_ms"] = ms_or_null(x.sold_out);
  out["waiting"] = {{"wish", json_of(x.wishes)},
                    {"payment", json_of(x.payments)},
                    {"until_held", json_of(x.until_held)},
                    {"until_bought", json_of(x.until_bought)}};
  out["requests"] = {
    {"all", x.requests}, {"unanswered", x.unanswered}, {"turned_away", x.turned_away}};
  out["refusals"] = ordered_json::object();
  for (auto& [reason, n] : x.refusals) out["refusals"][reason] = n;
  out.update(lists_of(x));
  return out;
}

} // namespace tk::sim
