#include "inspector/top_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
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

json part_of(const json& told, std::string_view from) {
  for (auto& part : at(told, "parts"))
    if (text(part, "from") == from) return at(part, "data");
  return {};
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

struct column {
  const char* name;
  size_t width;
  bool right = true;
};

std::string row(const std::vector<column>& columns, const std::vector<std::string>& cells) {
  std::string out;
  for (size_t i = 0; i < columns.size(); ++i)
    out += (i == 0 ? "" : "  ") + cell(cells[i], columns[i].width, columns[i].right);
  return out;
}

std::string heading(const std::vector<column>& columns) {
  std::vector<std::string> names;
  for (auto& x : columns) names.emplace_back(x.name);
  return row(columns, names);
}

std::string shown(std::optional<int64_t> x) { return x ? std::to_string(*x) : "-"; }

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
  std::snprintf(out.data(), out.size(), "%.1f",
                static_cast<double>(ops) * second_ms / static_cast<double>(over_ms));
  return out.data();
}

struct node_line {
  std::string name, state;
  json memory, ledger, roster;
  std::string rate = "-";
};

/// Whoever was asked, and whoever else is on the roster and matters still.
std::vector<node_line> nodes_of(const top_look& now, const top_look* before) {
  std::map<std::string, json> ledgers;
  if (before != nullptr)
    for (auto& x : before->nodes) ledgers[x.ledger.node] = part_of(body_of(x.ledger), "memory");
  std::vector<node_line> out;
  json roster;
  for (auto& x : now.nodes) {
    auto told = body_of(x.nodes);
    if (auto rows = part_of(told, "rows"); rows.is_object()) roster = at(rows, "nodes");
    node_line line{
      x.nodes.node, "no answer", part_of(told, "memory"), part_of(body_of(x.ledger), "memory"), {}};
    if (line.memory.is_object()) {
      line.name = text(told, "node");
      line.state = text(line.memory, "state");
      line.state.resize(std::min(line.state.find_first_of(":,"), line.state.size()));
      line.rate = before == nullptr ? "-"
                                    : ops_per_second(line.ledger, ledgers[x.ledger.node],
                                                     now.at_ms - before->at_ms);
    }
    out.push_back(std::move(line));
  }
  for (auto& x : roster) {
    auto name = text(x, "node"), state = text(x, "state");
    auto found = std::ranges::find(out, name, &node_line::name);
    if (found != out.end()) {
      found->roster = x;
      if (state != "alive" && found->state == "deciding") found->state = state;
    } else if (state != "ended" && (state != "dead" || count(x, "shards") > 0)) {
      out.push_back({name, state, {}, {}, x});
    }
  }
  return out;
}

std::vector<std::string> node_rows(const std::vector<node_line>& nodes, screen_size size) {
  constexpr size_t uuid = 36, room_for_uuids = 110, begin_of_uuid = 8, url_max = 21;
  bool names_only =
    std::ranges::none_of(nodes, [](auto& x) { return x.name.find("://") != std::string::npos; });
  auto width = size.columns >= room_for_uuids ? uuid : names_only ? begin_of_uuid : url_max;
  const std::vector<column> columns{{"node", width, false}, {"state", 9, false}, {"shards", 6},
                                    {"sessions", 8},        {"blocks", 6},       {"ops/s", 7},
                                    {"waiting", 7},         {"heartbeat", 9}};
  std::vector<std::string> out{heading(columns)};
  for (auto& x : nodes) {
    auto scheme = x.name.find("://");
    auto name = scheme == std::string::npos ? x.name : x.name.substr(scheme + 3);
    auto shards = number(x.roster, "shards");
    out.push_back(
      row(columns, {name, x.state, shown(shards ? shards : number(x.memory, "shards")),
                    shown(number(x.memory, "sessions")), shown(number(x.memory, "blocks")), x.rate,
                    x.ledger.is_object() ? std::to_string(in_lanes(x.ledger, "waiting")) : "-",
                    value_text("age_ms", at(x.roster, "heartbeat_age_ms"))}));
  }
  return out;
}

// -- sales, ledger, events, blocks
// -----------------------------------------------------------------

std::string sales_line(const top_look& now) {
  auto data = part_of(body_of(now.brakes), "memory");
  if (!data.is_object())
    return "sales   not told: " + (now.brakes.error.empty() ? "-" : now.brakes.error);
  auto out = "sales   " + text(data, "sales");
  for (auto& x : at(data, "brakes")) {
    out += "; " + text(x, "what");
    for (auto* name : {"method", "event"})
      if (at(x, name).is_string()) out += " " + text(x, name);
    out += ": " + text(x, "reason") + " (" + text(x, "by") + ")";
  }
  return out;
}

std::string ledger_line(const std::vector<node_line>& nodes) {
  int64_t waiting = 0, pending = 0, oldest_ms = 0, unknown = 0, aborts = 0;
  std::string down;
  for (auto& x : nodes) {
    waiting += in_lanes(x.ledger, "waiting");
    pending += count(x.ledger, "outbox_pending");
    oldest_ms = std::max(oldest_ms, count(x.ledger, "outbox_oldest_ms"));
    unknown += count(x.ledger, "outcomes_unknown");
    aborts += count(x.ledger, "aborts");
    for (auto& lane : at(x.ledger, "lanes"))
      if (text(lane, "state") == "down") down += "; " + text(lane, "lane") + " is down";
  }
  return "ledger  " + std::to_string(waiting) + " waiting, outbox " + std::to_string(pending) +
         " (oldest " + value_text("age_ms", oldest_ms) + "), " + std::to_string(unknown) +
         " unknown, " + std::to_string(aborts) + " aborts" + down;
}

json blocks_of(const json& told) {
  for (auto* from : {"rows", "board"})
    if (auto data = part_of(told, from); !at(data, "blocks").empty()) return at(data, "blocks");
  return json::array();
}

std::string event_line(const json& told) {
  int64_t free = 0, held = 0, sold = 0;
  for (auto& x : blocks_of(told)) {
    free += count(x, "free");
    held += count(x, "held");
    sold += count(x, "sold");
  }
  auto rows = part_of(told, "rows");
  auto& minute = at(rows, "last_minute");
  auto out = cell(text(rows, "title"), 20) + "  free " + std::to_string(free) + "  held " +
             std::to_string(held) + "  sold " + std::to_string(sold) + "  last min +" +
             shown(number(minute, "held")) + " held +" + shown(number(minute, "sold")) + " sold";
  for (auto& part : at(told, "parts")) {
    auto& room = at(at(part, "data"), "queue");
    if (room.is_object())
      out += "\n" + cell("  its room", 20) + "  waiting " + shown(number(room, "waiting")) +
             "  inside " + shown(number(room, "inside")) + "  let in " +
             text(room, "admitted_per_second") + "/s" +
             (at(room, "paused") == true ? "  paused" : "");
  }
  return out;
}

std::vector<std::string> block_rows(const top_look& now,
                                    const std::map<std::string, json>& events) {
  const std::vector<column> columns{{"hottest in the last min", 24, false},
                                    {"block", 5},
                                    {"steps", 6},
                                    {"+held", 6},
                                    {"+sold", 6},
                                    {"free", 6},
                                    {"held", 6},
                                    {"sold", 6}};
  std::vector<std::string> out{heading(columns)};
  auto hot = part_of(body_of(now.hot), "rows");
  for (auto& x : at(hot, "blocks")) {
    json state;
    if (auto event = events.find(text(x, "event")); event != events.end())
      for (auto& y : blocks_of(event->second))
        if (at(y, "block") == at(x, "block")) state = y;
    out.push_back(row(columns, {text(x, "title"), text(x, "block"), text(x, "steps"),
                                text(x, "held"), text(x, "sold"), shown(number(state, "free")),
                                shown(number(state, "held")), shown(number(state, "sold"))}));
  }
  if (out.size() == 1) out.emplace_back("nothing, as far as it is on record");
  return out;
}

void add_lines(std::vector<std::string>& to, const std::string& text) {
  for (size_t from = 0; from <= text.size();) {
    auto end = std::min(text.find('\n', from), text.size());
    to.push_back(text.substr(from, end - from));
    from = end + 1;
  }
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
  std::vector<std::string> lines{sales_line(now), ledger_line(nodes)};
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
  std::map<std::string, json> events;
  for (auto& x : now.events) {
    auto told = body_of(x);
    if (told.is_object()) add_lines(lines, event_line(told));
    else
      lines.push_back("event   not told: " +
                      (x.error.empty() ? "status " + std::to_string(x.status) : x.error));
    auto id = text(part_of(told, "rows"), "event");
    events[id] = std::move(told);
  }
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
