#include "inspector/node_verbs.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;
using enum asked_nodes;

#define TK_PLACES                                                                                  \
  "A key names a place, whether or not something lives there: of an event, block, room, gate,\n"   \
  "session or checkout that is nowhere on record this tells where it would live, and exits 0."

constexpr std::array verbs{
  node_verb{"nodes", "/operator/nodes", "", "Every node: whether it decides, what lives on it.",
            "  tiketi-inspect nodes --node http://n1:3011 --node http://n2:3011 --watch", all},
  node_verb{"shards", "/operator/shards", "", "Who owns which shard, in which epoch.",
            "  tiketi-inspect shards --json"},
  node_verb{"where", "/operator/where/{}", "KEY", "Where an entity lives.",
            "  tiketi-inspect where event:UUID\n"
            "  tiketi-inspect where block:UUID/3      also session, room, gate, checkout\n"
            "  tiketi-inspect where seat:UUID         the block that decides about it\n"
            "  tiketi-inspect where reservation:UUID  the block that leads it\n\n" TK_PLACES,
            all},
  node_verb{"actor", "/operator/actors/{}", "KEY",
            "How an entity is: state, age, what waits for it, what it decided last.",
            "  tiketi-inspect actor block:UUID/3 --watch\n"
            "  tiketi-inspect actor session:UUID      any key that where takes\n\n" TK_PLACES,
            all},
  node_verb{"event", "/operator/events/{}", "EVENT",
            "Blocks of an event with free, held and sold; its rate; its room.",
            "  tiketi-inspect event UUID --watch 5", all},
  node_verb{"queue", "/operator/queues/{}", "EVENT", "The waiting room of an event.",
            "  tiketi-inspect queue UUID --watch", all},
  node_verb{"holds", "/operator/holds/{}", "EVENT", "Who holds what, and for how long still.",
            "  tiketi-inspect holds UUID"},
  node_verb{"user", "/operator/users/{}", "USER", "What a user holds and paid.",
            "  tiketi-inspect user UUID"},
  node_verb{"reservation", "/operator/reservations/{}", "RESERVATION",
            "A reservation with items, payments, refunds and tickets.",
            "  tiketi-inspect reservation UUID"},
  node_verb{"why seat", "/operator/why/seats/{}", "SEAT",
            "Everything about a seat: claims, holds, refusals, fences, money.",
            "  tiketi-inspect why seat UUID", all},
  node_verb{"why reservation", "/operator/why/reservations/{}", "RESERVATION",
            "Everything about a reservation, in order of time, refusals included.",
            "  tiketi-inspect why reservation UUID", all},
  node_verb{"ledger", "/operator/ledger", "", "Batches, lag, verdicts and aborts.",
            "  tiketi-inspect ledger --watch", all},
  node_verb{"outbox", "/operator/outbox", "",
            "Domain events that wait to be told, what each node's relay does, dead letters.",
            "  tiketi-inspect outbox --watch", all},
  node_verb{"brakes", "/operator/brakes", "", "What of the shop is stopped, why and by whom.",
            "  tiketi-inspect brakes --watch", all},
  node_verb{"notices", "/operator/notices", "",
            "What buyers are told on every page, and what they will be told.",
            "  tiketi-inspect notices --watch", all},
  node_verb{"wishes", "/operator/placement", "",
            "Drained nodes, shards that were moved to a node, and how far that has come.",
            "  tiketi-inspect wishes --watch"},
  node_verb{"cases", "/operator/reconciliations", "",
            "What only a person can put right, and the last reconciliations.",
            "  tiketi-inspect cases --watch 10"},
  node_verb{"hot", "/operator/hot", "", "Where most happened in the last minute.",
            "  tiketi-inspect hot --watch 5"},
};

#undef TK_PLACES

constexpr const char* no_node = "it is no node that answered";

json object_of(const std::string& text) {
  auto out = json::parse(text, nullptr, false);
  return out.is_object() ? out : json::object();
}

/// What a node said when it refused: its own words, else the status.
std::string refusal_of(const node_answer& x) {
  auto body = object_of(x.body);
  auto said = body.find("message");
  auto text = said != body.end() && said->is_string() ? said->get<std::string>()
                                                      : "status " + std::to_string(x.status);
  if (x.status == 401) text += "; the node does not know this token";
  if (x.status == 403) text += "; this needs a token with the role operator";
  return x.node + ": " + text;
}

bool is_told(const json& x) { return x.contains("parts") && x["parts"].is_array(); }

/// Why somebody else had to be asked.
std::string note_of(const node_answer& x) {
  if (!x.ok()) return trouble_of(x);
  auto told = object_of(x.body);
  if (!is_told(told)) return x.node + ": " + no_node;
  std::string gaps;
  for (auto& gap : told.value("missing", json::array()))
    gaps.append(gaps.empty() ? "" : ", ")
      .append(gap.value("what", ""))
      .append(": ")
      .append(gap.value("why", ""));
  return x.node + " could not tell " + gaps;
}

/// It knows the question, and nothing to answer. (An older release may not know the question.)
bool knows_of_none(const node_answer& x) {
  constexpr int not_found = 404;
  return x.status == not_found && object_of(x.body).value("code", "NOT_FOUND") != "NOT_FOUND";
}

bool contains(const json& list, const json& x) { return std::ranges::find(list, x) != list.end(); }

/// Adds what one node told.
void add_told(json& to, const node_answer& x) {
  auto told = object_of(x.body);
  auto node = told.value("node", json(x.node));
  auto& parts = to["parts"];
  for (auto& part : told.value("parts", json::array())) {
    bool rows = part.value("from", "") == "rows";
    auto has_rows = [](const json& y) { return y.value("from", "") == "rows"; };
    if (rows && std::ranges::any_of(parts, has_rows)) continue; // The same for everybody.
    json named = {{"node", node}};
    named.update(part);
    parts.push_back(std::move(named));
  }
  for (auto& gap : told.value("missing", json::array())) {
    json named = {{"node", node}};
    named.update(gap);
    to["missing"].push_back(std::move(named));
  }
  for (auto& note : told.value("notes", json::array()))
    if (!contains(to["notes"], note)) to["notes"].push_back(note);
}

} // namespace

std::string trouble_of(const node_answer& x) {
  return x.status == 0 ? x.node + ": " + x.error : refusal_of(x);
}

bool settles(const node_answer& x) {
  constexpr int client_error = 400, server_error = 500;
  if (!x.ok()) return x.status >= client_error && x.status < server_error;
  auto told = object_of(x.body);
  return is_told(told) && told.value("missing", json::array()).empty();
}

std::string event_of_key(const std::string& key) {
  constexpr std::array kinds = {"event", "room", "waiting_room", "gate", "block", "seat_block"};
  auto colon = key.find(':');
  if (colon == std::string::npos) return "";
  auto kind = key.substr(0, colon);
  if (std::ranges::find(kinds, kind) == kinds.end()) return "";
  return key.substr(colon + 1, key.find('/') - colon - 1);
}

std::string not_on_record(const std::string& key, const node_answer& event) {
  constexpr const char* place = " is on record: this is where it would live";
  if (knows_of_none(event)) return std::string{"no such event"} + place;
  auto slash = key.find('/');
  if (!event.ok() || slash == std::string::npos) return "";
  auto told = object_of(event.body);
  if (!is_told(told)) return "";
  const json number = std::atoll(key.c_str() + slash + 1);
  for (auto& part : told["parts"]) {
    if (part.value("from", "") != "rows") continue;
    auto rows = part.value("data", json::object());
    for (auto* list : {"blocks", "ticket_types"})
      for (auto& x : rows.value(list, json::array()))
        if (x.value("block", json{}) == number) return "";
    return std::string{"no such block of the event"} + place;
  }
  return "";
}

looked settled(const std::vector<node_answer>& answers) {
  if (answers.empty() || !settles(answers.back())) return merged(answers);
  auto out = merged({answers.back()});
  for (auto x = answers.begin(); x + 1 != answers.end(); ++x)
    out.told["notes"].push_back(note_of(*x));
  return out;
}

std::span<const node_verb> node_verbs() { return verbs; }

std::string path_of(const node_verb& verb, const std::string& argument) {
  std::string out = verb.path;
  if (auto at = out.find("{}"); at != std::string::npos) out.replace(at, 2, url_part(argument));
  return out;
}

looked merged(const std::vector<node_answer>& answers) {
  looked out;
  out.told = {{"parts", json::array()}, {"missing", json::array()}, {"notes", json::array()}};
  bool any = false, unknown = false;
  auto tells = [](auto& x) { return x.ok() && is_told(object_of(x.body)); };
  const bool somebody_tells = std::ranges::any_of(answers, tells);
  for (auto& x : answers) {
    if (somebody_tells && knows_of_none(x)) continue; // What was tried is known where it was.
    if (x.ok() && !is_told(object_of(x.body))) {
      out.told["missing"].push_back(
        {{"node", x.node}, {"what", "node " + x.node}, {"why", no_node}});
    } else if (x.ok()) {
      any = true;
      add_told(out.told, x);
    } else if (x.status == 0) {
      out.told["missing"].push_back(
        {{"node", x.node}, {"what", "node " + x.node}, {"why", x.error}});
    } else {
      unknown = unknown || x.status == 404;
      out.refusals.push_back(refusal_of(x));
    }
  }
  bool whole = out.told["missing"].empty() && out.refusals.empty();
  out.code = any ? (whole ? 0 : 1) : unknown ? 1 : 2;
  return out;
}

} // namespace tk::inspector
