#include "inspector/node_command.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include <sodium.h>

#include "inspector/change.hpp"
#include "inspector/output.hpp"
#include "inspector/told_view.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

/// A typo in a key finds a place too: that nothing of the kind is on record is said beside it.
void note_what_is_not(looked& found, const std::vector<node_answer>& answers,
                      const look_options& x) {
  auto event = event_of_key(x.argument);
  auto told = std::ranges::find_if(answers, [](auto& y) { return y.ok(); });
  if (event.empty() || told == answers.end()) return;
  auto rows = ask_node(x.nodes, told->node, "/operator/events/" + url_part(event));
  if (auto note = not_on_record(x.argument, rows); !note.empty())
    found.told["notes"].push_back(note);
}

looked ask(const node_verb& verb, const look_options& x) {
  std::vector<node_answer> out;
  out.reserve(x.nodes.nodes.size());
  for (auto& node : x.nodes.nodes) {
    out.push_back(ask_node(x.nodes, node, path_of(verb, x.argument)));
    if (verb.who == asked_nodes::first && settles(out.back())) break;
  }
  auto found = verb.who == asked_nodes::first ? settled(out) : merged(out);
  if (verb.name == std::string_view{"where"}) note_what_is_not(found, out, x);
  return found;
}

void print(const looked& x, const look_options& how, const text_style& style) {
  if (how.json) {
    auto out = x.told;
    out["refusals"] = x.refusals;
    say(out.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  } else {
    constexpr const char* clear = "\x1b[H\x1b[2J";
    say((how.watch_s > 0 && style.colour ? clear : "") + told_text(x.told, style));
  }
  for (auto& line : x.refusals) warn(line);
}

} // namespace

int look_at(const node_verb& verb, look_options options, const text_style& style) {
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  for (;;) {
    auto found = ask(verb, options);
    print(found, options, style);
    if (options.watch_s == 0 || output_failed() || ends_within(options.watch_s)) return found.code;
  }
}

std::string fresh_uuid() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fu) | 0x40u);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fu) | 0x80u);
  std::array<char, 33> hex{};
  std::string out = sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  for (size_t at : {20u, 16u, 12u, 8u}) out.insert(at, "-");
  return out;
}

std::string brake_request(const brake_options& x, bool stop, const std::string& seen) {
  json out = {{"scope", x.method.empty() ? x.scope : "payment_method"}};
  if (!x.event.empty()) out["eventId"] = x.event;
  if (!x.method.empty()) out["method"] = x.method;
  if (stop) {
    out["reason"] = x.reason;
    out["operationId"] = x.operation;
  }
  if (!seen.empty()) out["asOf"] = seen;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string brake_mistake(const brake_options& x) {
  if (!x.method.empty() && x.scope != "payments")
    return "--method is for payments alone: say payments --method " + x.method + ", or " + x.scope +
           " without it";
  return "";
}

int steer_sales(brake_options options, bool stop, const text_style& style) {
  if (auto wrong = brake_mistake(options); !wrong.empty()) return refuse(wrong);
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  if (options.operation.empty()) options.operation = fresh_uuid();
  wished_change wish;
  wish.path = std::string{"/operator/sales/"} + (stop ? "stop" : "resume");
  wish.body = brake_request(options, stop, stop ? "" : seen_at(options.nodes, "/operator/sales"));
  if (stop) wish.operation = options.operation;
  auto told = ask_for(options.nodes, wish);
  if (told && !stop && !told->value("changed", false) && told->value("stopped", false)) {
    // What another node stopped a moment ago is in this answer, and not in what was seen before.
    wish.body = brake_request(options, stop, time_of(*told));
    told = ask_for(options.nodes, wish);
  }
  if (!told) return failed;
  if (options.json) say(told->dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  else say(brakes_text(*told, style));
  return well;
}

bool good_token_name(const std::string& name) {
  constexpr size_t name_max = 40;
  return !name.empty() && name.size() <= name_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

int make_token(const std::string& name, const std::string& role) {
  if (!good_token_name(name)) return refuse("a name has 1 to 40 of a-z, 0-9, `-`, `_`, `.`");
  std::array<unsigned char, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 65> token{}, digest{};
  sodium_bin2hex(token.data(), token.size(), bytes.data(), bytes.size());
  crypto_hash_sha256(bytes.data(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size() - 1);
  sodium_bin2hex(digest.data(), digest.size(), bytes.data(), bytes.size());
  say(std::string{token.data()} + '\n');
  std::fprintf(stderr, "# For OPERATOR_TOKENS of the nodes:\n%s:%s:%s\n", name.c_str(),
               role.c_str(), digest.data());
  return well;
}

} // namespace tk::inspector
