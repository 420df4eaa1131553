#include "http/api/letters.hpp"

#include <string>
#include <utility>

#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include "http/api/audited.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

constexpr millis letter_budget{6000};

const char* word_of(letter_state x) {
  switch (x) {
  case letter_state::waiting: return "waiting";
  case letter_state::replayed: return "replayed";
  case letter_state::discarded: break;
  }
  return "discarded";
}

json letter_json(const letter_row& x) {
  auto body = json::parse(x.event.body, nullptr, false);
  auto correlation = x.event.correlation;
  bool ended = x.is != letter_state::waiting;
  return {{"id", to_string(x.id)},
          {"status", word_of(x.is)},
          {"consumer", x.consumer},
          {"topic", x.event.topic},
          {"key", x.event.key},
          {"type", x.event.type},
          {"eventId", to_string(x.event.id)},
          {"correlationId", correlation.nil() ? json(nullptr) : json(to_string(correlation))},
          {"body", body.is_discarded() ? json(x.event.body) : std::move(body)},
          {"why", x.why},
          {"tries", x.tries},
          {"madeAt", to_iso(x.event.made_at)},
          {"deadSince", to_iso(x.at)},
          {"endedAt", ended ? json(to_iso(x.ended_at)) : json(nullptr)},
          {"reason", ended ? json(x.ended_why) : json(nullptr)}};
}

std::string dumped(const json& x) { return x.dump(-1, ' ', false, json::error_handler_t::replace); }

answer answer_of(const letter_reply& x, const char* message) {
  switch (x.is) {
  case letter_end::done:
    return json_text(dumped({{"message", message}, {"deadLetter", letter_json(x.row)}}));
  case letter_end::unknown:
    return error_answer(404, "DEAD_LETTER_NOT_FOUND", "Dead letter not found");
  case letter_end::other_end:
    return error_answer(409, "DEAD_LETTER_ENDED",
                        std::string{"Dead letter was "} + word_of(x.row.is) + " before");
  case letter_end::refused:
    return error_answer(409, "DEAD_LETTER_REFUSED", "It was refused again: " + x.row.why);
  case letter_end::not_here:
    return error_answer(409, "DEAD_LETTER_CONSUMER",
                        "No consumer " + x.row.consumer + " at this node");
  case letter_end::not_told: break;
  }
  return error_answer(ec::unknown);
}

/// What somebody wants of a letter.
struct wanted {
  const char* action;
  const char* message;
};

note_admin_action note_of(const exchange& x, const wanted& how, const std::string& reason) {
  note_admin_action out;
  out.admin = x.user();
  out.action = how.action;
  out.resource_type = "dead_letter";
  out.resource = x.param("id");
  out.summary = reason;
  out.address = x.req().client;
  return out;
}

template <class Message> void see_to(letter_desk& desk, const exchange_ptr& x, const wanted& how) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  constexpr size_t reason_max = 200;
  auto reason = form.text("reason", reason_max);
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  desk.pool.run([&desk, x, how, reason](caf::event_based_actor* self) {
    auto told = [&desk, self, x, how, reason](answer out) {
      note_and_answer(desk.store, self, x, note_of(*x, how, reason), std::move(out));
    };
    Message what{x->id_param<letter_id>("id"), x->user(), reason};
    self->request(desk.rows, letter_budget, what)
      .then([told, how](const letter_reply& r) { told(answer_of(r, how.message)); },
            [told](caf::error& e) { told(error_answer(to_ec(e))); });
  });
}

void on_list(letter_desk& desk, const exchange_ptr& x) {
  auto page = read_page(x->req(), 20);
  auto which = read_text_query(x->req(), "status", 10);
  if (!page || !which) {
    x->fail(page ? which.error() : page.error());
    return;
  }
  if (!which->empty() && *which != "waiting" && *which != "all") {
    x->fail(problem{ec::bad_request, "status must be waiting or all"});
    return;
  }
  list_letters what{*which != "all", static_cast<int32_t>(page->limit), page->offset()};
  desk.pool.run([&desk, x, what, page = *page](caf::event_based_actor* self) {
    self->request(desk.rows, letter_budget, what)
      .then(
        [x, page](const letter_page& found) {
          json out = {{"deadLetters", json::array()}};
          for (auto& row : found.rows) out["deadLetters"].push_back(letter_json(row));
          out["pagination"] = json(pagination(page, found.total));
          x->respond(json_text(dumped(out)));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

constexpr char letter_schema[] = R"({"type":"object","required":["id","status","consumer","topic",
 "key","type","eventId","correlationId","body","why","tries","madeAt","deadSince","endedAt",
 "reason"],"properties":{"id":{"type":"string","format":"uuid"},
 "status":{"type":"string","enum":["waiting","replayed","discarded"]},
 "consumer":{"type":"string"},"topic":{"type":"string"},"key":{"type":"string"},
 "type":{"type":"string"},"eventId":{"type":"string","format":"uuid"},
 "correlationId":{"type":["string","null"],"format":"uuid"},"body":{},
 "why":{"type":"string"},"tries":{"type":"integer"},
 "madeAt":{"type":"string","format":"date-time"},
 "deadSince":{"type":"string","format":"date-time"},
 "endedAt":{"type":["string","null"],"format":"date-time"},
 "reason":{"type":["string","null"]}}})";

constexpr char reason_schema[] = R"({"type":"object","required":["reason"],"properties":{
 "reason":{"type":"string","minLength":1,"maxLength":200}}})";

} // namespace

void add_letter_routes(letter_desk& desk, std::vector<route>& out) {
  const std::string letter{letter_schema};
  auto add = [&](method verb, const char* path, const char* name, const char* summary) -> route& {
    auto& to = out.emplace_back();
    to.verb = verb;
    to.path = path;
    to.level = access::admin;
    to.name = name;
    to.summary = summary;
    to.tag = "admin";
    to.errors = {ec::busy, ec::unavailable, ec::late, ec::unknown, ec::internal};
    return to;
  };
  auto& list = add(method::get, "/api/admin/dead-letters", "listDeadLetters",
                   "Domain events that somebody could not take, the newest first.");
  list.response_schema =
    R"({"type":"object","required":["deadLetters","pagination"],"properties":{
 "deadLetters":{"type":"array","items":)" +
    letter + R"(},"pagination":{"type":"object"}}})";
  list.run = [&desk](const exchange_ptr& x) { on_list(desk, x); };
  auto ends = [&](const char* path, const char* name, const char* summary) -> route& {
    auto& to = add(method::post, path, name, summary);
    to.request_schema = reason_schema;
    to.response_schema = R"({"type":"object","required":["message","deadLetter"],"properties":{
 "message":{"type":"string"},"deadLetter":)" +
                         letter + "}}";
    to.other_codes = {{404, "DEAD_LETTER_NOT_FOUND"}, {409, "DEAD_LETTER_ENDED"}};
    return to;
  };
  auto& replay = ends("/api/admin/dead-letters/{id}/replay", "replayDeadLetter",
                      "Hands it to its consumer once more.");
  replay.other_codes.emplace_back(409, "DEAD_LETTER_REFUSED");
  replay.other_codes.emplace_back(409, "DEAD_LETTER_CONSUMER");
  replay.run = [&desk](const exchange_ptr& x) {
    see_to<replay_letter>(desk, x, {"REPLAY_DEAD_LETTER", "Dead letter replayed"});
  };
  auto& discard =
    ends("/api/admin/dead-letters/{id}/discard", "discardDeadLetter", "Gives it up for ever.");
  discard.run = [&desk](const exchange_ptr& x) {
    see_to<discard_letter>(desk, x, {"DISCARD_DEAD_LETTER", "Dead letter discarded"});
  };
}

} // namespace tk::http
