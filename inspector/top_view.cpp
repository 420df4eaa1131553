#include "inspector/top_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "inspector/told_view.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

// -- what was answered: nothing in it is trusted to have any shape
// ---------------------------------

const json& at(const json& x, const char* name) {
  static const json none;
  if (!x.is_object()) return none;
  auto found = x.find(name);
  return found == x.end() ? none : *found;
}

const json& at(json&&, const char*) = delete; // It would be gone.

std::optional<int64_t> number(const json& x, const char* name) {
  auto& y = at(x, name);
  return y.is_number() ? std::optional{y.get<int64_t>()} : std::nullopt;
}

int64_t count(const json& x, const char* name) { return number(x, name).value_or(0); }

std::string text(const json& x, const char* name) { return value_text("", at(x, name)); }

json body_of(const node_answer& x) { return x.ok() ? json::parse(x.body, nullptr, false) : json{}; }

json whole_part_of(const json& told, std::string_view from) {
  for (auto& part : at(told, "parts"))
    if (text(part, "from") == from) return part;
  return {};
}

json part_of(const json& told, std::string_view from) {
  auto part = whole_part_of(told, from);
  return at(part, "data");
}

// -- columns: a Hangul syllable takes two
// ----------------------------------------------------------

size_t columns_of(unsigned char first_byte) {
  if ((first_byte & 0xC0u) == 0x80u) return 0;
  return first_byte >= 0xE1u ? 2 : 1; // Hangul, Han and emoji; a few others get a blank too many.
}

/// The text in exactly so many columns.
std::string cell(const std::string& x, size_t columns, bool right = false) {
  std::string out;
  size_t used = 0;
  for (unsigned char c : x) {
    auto more = columns_of(c);
    if (used + more > columns) break;
    used += more;
    out += static_cast<char>(c);
  }
  const std::string blanks(columns - used, ' ');
  return right ? blanks + out : out + blanks;
}

/// The end of a name that does not fit: there its number is.
std::string end_of(const std::string& x, size_t columns) {
  constexpr std::string_view left_out = "..";
  if (x.size() <= columns || columns <= left_out.size()) return x;
  return std::string{left_out} + x.substr(x.size() - columns + left_out.size());
}

struct column {
  std::string name;
  size_t width;
  bool right = true;
};

std::string row(const std::vector<column>& columns, const std::vector<std::string>& cells,
                size_t gap = 2) {
  std::string out;
  for (size_t i = 0; i < columns.size(); ++i)
    out +=
      (i == 0 ? "" : std::string(gap, ' ')) + cell(cells[i], columns[i].width, columns[i].right);
  return out;
}

std::string heading(const std::vector<column>& columns, size_t gap = 2) {
  std::vector<std::string> names;
  for (auto& x : columns) names.push_back(x.name);
  return row(columns, names, gap);
}

std::string shown(std::optional<int64_t> x) { return x ? std::to_string(*x) : "-"; }

/// In no more than six columns.
std::string age_text(std::optional<int64_t> ms) {
  constexpr int64_t minute = 60'000, hour = 60 * minute, day = 24 * hour;
  if (!ms) return "-";
  if (*ms < minute) return value_text("age_ms", std::max<int64_t>(0, *ms));
  if (*ms < hour) return std::to_string(*ms / minute) + " min";
  if (*ms < day) return std::to_string(*ms / hour) + " h";
  return std::to_string(*ms / day) + " d";
}

/// How old what a part tells is, and whether its node has stopped hearing news.
std::string age_of(const json& part, const json& heard) {
  auto age = age_text(number(part, "age_ms"));
  return at(heard, "stale") == true ? "stale " + age : age;
}

// -- nodes
// -----------------------------------------------------------------------------------------

int64_t in_lanes(const json& ledger, const char* what) {
  int64_t out = 0;
  for (auto& lane : at(ledger, "lanes")) out += count(lane, what);
  return out;
}

std::string ops_per_second(const json& ledger, const json& before, int64_t over_ms) {
  auto ops = in_lanes(ledger, "ops") - in_lanes(before, "ops");
  if (!ledger.is_object() || !before.is_object() || over_ms <= 0 || ops < 0) return "-";
  constexpr double second_ms = 1000;
  std::array<char, 32> out{};
  constexpr double too_wide = 1000;
  auto rate = static_cast<double>(ops) * second_ms / static_cast<double>(over_ms);
  std::snprintf(out.data(), out.size(), rate < too_wide ? "%.1f" : "%.0f", rate);
  return out.data();
}

struct node_line {
  std::string name, state;
  json memory, ledger, roster;
  std::string rate = "-";
  std::optional<int64_t> age_ms; ///< Of what is told of it.
};

/// Whoever was asked, and whoever else is on the roster and matters still.
std::vector<node_line> nodes_of(const top_look& now, const top_look* before) {
  std::map<std::string, json> ledgers;
  if (before != nullptr)
    for (auto& x : before->nodes) ledgers[x.ledger.node] = part_of(body_of(x.ledger), "memory");
  std::vector<node_line> out;
  json rows;
  for (auto& x : now.nodes) {
    auto told = body_of(x.nodes);
    if (auto part = whole_part_of(told, "rows"); at(part, "data").is_object()) rows = part;
    auto memory = whole_part_of(told, "memory");
    node_line line{
      x.nodes.node, "no answer", at(memory, "data"), part_of(body_of(x.ledger), "memory"), {},
      "-",          {}};
    if (line.memory.is_object()) {
      line.age_ms = number(memory, "age_ms");
      line.name = text(told, "node");
      line.state = text(line.memory, "state");
      line.state.resize(std::min(line.state.find_first_of(":,"), line.state.size()));
      line.rate = before == nullptr ? "-"
                                    : ops_per_second(line.ledger, ledgers[x.ledger.node],
                                                     now.at_ms - before->at_ms);
    }
    out.push_back(std::move(line));
  }
  for (auto& x : at(at(rows, "data"), "nodes")) {
    auto name = text(x, "node"), state = text(x, "state");
    auto found = std::ranges::find(out, name, &node_line::name);
    if (found != out.end()) {
      found->roster = x;
      if (state != "alive" && found->state == "deciding") found->state = state;
    } else if (state != "ended" && (state != "dead" || count(x, "shards") > 0)) {
      out.push_back({name, state, {}, {}, x, "-", number(rows, "age_ms")});
    }
  }
  return out;
}

std::vector<std::string> node_rows(const std::vector<node_line>& nodes, screen_size size) {
  // What the other columns leave of 80 is the name's: a long one takes nothing from the heartbeat,
  // which matters when a node is down.
  constexpr size_t uuid = 36, others = 66, begin_of_uuid = 8, gap = 1;
  bool names_only =
    std::ranges::none_of(nodes, [](auto& x) { return x.name.find("://") != std::string::npos; });
  auto room = std::clamp(size.columns, others + begin_of_uuid, others + uuid) - others;
  auto width = names_only && room < uuid ? begin_of_uuid : room;
  const std::vector<column> columns{{"node", width, false}, {"state", 9, false}, {"shards", 6},
                                    {"sessions", 8},        {"blocks", 6},       {"ops/s", 6},
                                    {"waiting", 7},         {"age", 6},          {"heartbeat", 9}};
  std::vector<std::string> out{heading(columns, gap)};
  for (auto& x : nodes) {
    auto scheme = x.name.find("://");
    auto name = scheme == std::string::npos ? x.name : end_of(x.name.substr(scheme + 3), width);
    auto shards = number(x.roster, "shards");
    out.push_back(
      row(columns,
          {name, x.state, shown(shards ? shards : number(x.memory, "shards")),
           shown(number(x.memory, "sessions")), shown(number(x.memory, "blocks")), x.rate,
           x.ledger.is_object() ? std::to_string(in_lanes(x.ledger, "waiting")) : "-",
           age_text(x.age_ms), age_text(number(x.roster, "heartbeat_age_ms"))},
          gap));
  }
  return out;
}

// -- sales, ledger, events, blocks
// -----------------------------------------------------------------

/// Whoever was asked and told of itself.
std::vector<node_line> telling(const std::vector<node_line>& nodes) {
  std::vector<node_line> out;
  std::ranges::copy_if(nodes, std::back_inserter(out),
                       [](auto& x) { return x.memory.is_object(); });
  return out;
}

std::string sales_line(const top_look& now, const std::vector<node_line>& nodes) {
  auto part = whole_part_of(body_of(now.brakes), "memory");
  auto& data = at(part, "data");
  if (!data.is_object())
    return "sales   not told: " + (now.brakes.error.empty() ? "-" : now.brakes.error);
  auto own = telling(nodes);
  bool none =
    !own.empty() && std::ranges::all_of(own, [](auto& x) { return x.state == "suspended"; });
  auto age = "as of " + age_text(number(part, "age_ms")) + " ago";
  std::string out = "sales   ";
  if (none) { // No brake need be on for that.
    auto asked = now.nodes.size();
    out += own.size() == asked
             ? "stand still at all nodes asked (" + std::to_string(asked) + ")"
             : "stand still at all nodes that answer (" + std::to_string(own.size()) + " of " +
                 std::to_string(asked) + ")";
    out += "; brakes " + age + ": " + (at(data, "brakes").empty() ? "none" : "");
  } else {
    out += text(data, "sales") + ", " + age;
  }
  for (auto& x : at(data, "brakes")) {
    out += "; " + text(x, "what");
    for (auto* name : {"method", "event"})
      if (at(x, name).is_string()) out += " " + text(x, name);
    out += ": " + text(x, "reason") + " (" + text(x, "by") + ")";
  }
  return out;
}

/// Why something is not told, and by whom; none when all is told.
std::vector<std::string> missing_lines(const top_look& now) {
  std::vector<std::pair<std::string, std::string>> gaps; // Why; who or what.
  size_t telling = 0;
  std::map<std::string, size_t> sayers;
  auto gaps_of = [](const json& told, auto&& each) {
    for (auto& gap : at(told, "missing")) each(text(gap, "what"), text(gap, "why"));
  };
  auto add = [&](const std::string& why, const std::string& who) {
    auto same = std::ranges::find(gaps, why, &std::pair<std::string, std::string>::first);
    if (same == gaps.end()) gaps.emplace_back(why, who);
    else if (!who.empty()) same->second += ", " + who;
  };
  for (auto& x : now.nodes) {
    auto told = body_of(x.nodes);
    if (told.is_object()) ++telling;
    gaps_of(told, [&](const std::string&, const std::string& why) {
      ++sayers[why];
      add(why, text(told, "node").substr(0, 8));
    });
  }
  for (auto& gap : gaps)
    gap.second =
      sayers[gap.first] == telling ? "says every node that answers" : "says " + gap.second;
  std::vector<const node_answer*> rest{&now.hot};
  for (auto& x : now.events) rest.push_back(&x);
  for (auto* x : rest)
    gaps_of(body_of(*x), [&](const std::string& what, const std::string& why) {
      if (!sayers.contains(why)) add(why, what);
    });
  std::vector<std::string> out;
  for (auto& [why, who] : gaps) out.push_back("missing " + why + " (" + who + ")");
  return out;
}

std::string ledger_line(const std::vector<node_line>& nodes) {
  auto told = std::ranges::count_if(nodes, [](auto& x) { return x.ledger.is_object(); });
  if (told == 0) return "ledger  not told";
  int64_t waiting = 0, pending = 0, oldest_ms = 0, unknown = 0, aborts = 0;
  std::string down;
  for (auto& x : nodes) {
    waiting += in_lanes(x.ledger, "waiting");
    pending += count(x.ledger, "outbox_pending");
    oldest_ms = std::max(oldest_ms, count(x.ledger, "outbox_oldest_ms"));
    unknown += count(x.ledger, "outcomes_unknown");
    aborts += count(x.ledger, "aborts");
    for (auto& lane : at(x.ledger, "lanes"))
      if (auto name = "; " + text(lane, "lane") + " is down";
          text(lane, "state") == "down" && down.find(name) == std::string::npos)
        down += name;
  }
  return "ledger  " + std::to_string(waiting) + " waiting, outbox " + std::to_string(pending) +
         " (oldest " + value_text("age_ms", oldest_ms) + "), " + std::to_string(unknown) +
         " unknown, " + std::to_string(aborts) + " aborts" + down;
}

/// What tells of blocks: the rows, else the boards that somebody heard of.
json part_with_blocks(const json& told) {
  for (auto* from : {"rows", "board"})
    if (auto part = whole_part_of(told, from); !at(at(part, "data"), "blocks").empty()) return part;
  return {};
}

json blocks_of(const json& told) {
  auto part = part_with_blocks(told);
  auto& data = at(part, "data");
  return data.is_object() ? at(data, "blocks") : json::array();
}

/// As wide as those of the blocks below them, and the counts above theirs.
const std::vector<column>& event_columns() {
  static const std::vector<column> out{{"event, its last min", 24, false},
                                       {"as of", 13},
                                       {"+held", 6},
                                       {"+sold", 6},
                                       {"free", 6},
                                       {"held", 6},
                                       {"sold", 6}};
  return out;
}

std::string event_line(const json& told, const std::string& id) {
  std::optional<int64_t> free, held, sold; // What nobody tells is not zero.
  for (auto& x : blocks_of(told)) {
    free = free.value_or(0) + count(x, "free");
    held = held.value_or(0) + count(x, "held");
    sold = sold.value_or(0) + count(x, "sold");
  }
  auto part = part_with_blocks(told);
  auto rows = part_of(told, "rows");
  auto& minute = at(rows, "last_minute");
  return row(event_columns(),
             {rows.is_object() ? text(rows, "title") : id, age_of(part, at(part, "data")),
              shown(number(minute, "held")), shown(number(minute, "sold")), shown(free),
              shown(held), shown(sold)});
}

std::vector<std::string> room_lines(const json& told) {
  std::vector<std::string> out;
  for (auto& part : at(told, "parts")) {
    auto& room = at(at(part, "data"), "queue");
    if (room.is_object())
      out.push_back(
        "  its room  waiting " + shown(number(room, "waiting")) + "  inside " +
        shown(number(room, "inside")) + "  let in " + text(room, "admitted_per_second") + "/s" +
        (at(room, "paused") == true ? "  paused" : "") + "  as of " + age_of(part, room));
  }
  return out;
}

std::vector<std::string> block_rows(const top_look& now,
                                    const std::map<std::string, json>& events) {
  auto part = whole_part_of(body_of(now.hot), "rows");
  auto told = number(part, "age_ms");
  const std::vector<column> columns{
    {told ? "hot last min, " + age_text(told) + " ago" : "hottest in the last min", 24, false},
    {"block", 5},
    {"steps", 6},
    {"+held", 6},
    {"+sold", 6},
    {"free", 6},
    {"held", 6},
    {"sold", 6}};
  std::vector<std::string> out{heading(columns)};
  auto& hot = at(part, "data");
  for (auto& x : at(hot, "blocks")) {
    json state;
    if (auto event = events.find(text(x, "event")); event != events.end())
      for (auto& y : blocks_of(event->second))
        if (at(y, "block") == at(x, "block")) state = y;
    out.push_back(row(columns, {text(x, "title"), text(x, "block"), text(x, "steps"),
                                text(x, "held"), text(x, "sold"), shown(number(state, "free")),
                                shown(number(state, "held")), shown(number(state, "sold"))}));
  }
  if (out.size() == 1)
    out.emplace_back(hot.is_object() ? "nothing, as far as it is on record" : "not told");
  return out;
}

/// Those of whom nodes tell, by their ids.
std::map<std::string, json> add_events(std::vector<std::string>& to, const top_look& now) {
  std::map<std::string, json> out;
  if (!now.events.empty()) to.push_back(heading(event_columns()));
  for (auto& x : now.events) {
    auto& id = x.node;
    auto told = body_of(x);
    if (told.is_object()) {
      to.push_back(event_line(told, id));
      for (auto& line : room_lines(told)) to.push_back(line);
    } else {
      to.push_back("event   not told: " +
                   (x.error.empty() ? "status " + std::to_string(x.status) : x.error));
    }
    auto rows = part_of(told, "rows");
    auto on_record = rows.is_object() ? text(rows, "event") : id;
    out[on_record] = std::move(told);
  }
  return out;
}

} // namespace

std::vector<std::string> hottest_events(const node_answer& hot, size_t max) {
  std::vector<std::string> out;
  auto rows = part_of(body_of(hot), "rows");
  for (auto& x : at(rows, "blocks")) {
    auto event = text(x, "event");
    if (out.size() < max && std::ranges::find(out, event) == out.end()) out.push_back(event);
  }
  return out;
}

std::string top_text(const top_look& now, const top_look* before, screen_size size,
                     const text_style& style) {
  auto nodes = nodes_of(now, before);
  std::vector<std::string> lines{sales_line(now, nodes)};
  std::ranges::move(missing_lines(now), std::back_inserter(lines));
  lines.push_back(ledger_line(nodes));
  std::vector<size_t> headings;
  // Who is in trouble comes first, and no more nodes than leave room for the rest.
  std::ranges::stable_partition(nodes, [](auto& x) { return x.state != "deciding"; });
  auto rows = node_rows(nodes, size);
  auto nodes_max = std::max<size_t>(2, size.lines / 2);
  auto hidden = rows.size() > nodes_max ? rows.size() - nodes_max + 1 : 0;
  if (hidden > 0) {
    rows.resize(nodes_max - 1);
    rows.push_back("... and " + std::to_string(hidden) + " more nodes");
  }
  headings.push_back(lines.size());
  lines.insert(lines.end(), rows.begin(), rows.end());
  if (!now.events.empty()) headings.push_back(lines.size());
  auto events = add_events(lines, now);
  rows = block_rows(now, events);
  headings.push_back(lines.size());
  lines.insert(lines.end(), rows.begin(), rows.end());
  lines.resize(std::min(lines.size(), size.lines));
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    auto line = cell(lines[i], size.columns);
    line.erase(line.find_last_not_of(' ') + 1);
    bool heads = std::ranges::find(headings, i) != headings.end();
    out += (i == 0 ? "" : "\n") + (heads && style.colour ? "\x1b[1m" + line + "\x1b[0m" : line);
  }
  return out;
}

} // namespace tk::inspector
