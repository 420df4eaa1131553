#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/route.hpp"

namespace tk::http {

struct shop;

/// A route while it is being described; lives for one expression:
///
///     group.post("/api/seats/reserve", "reserveSeats", "Holds one to four seats, all or none.")
///       .user()
///       .gated()
///       .takes(schemas::reserve_request)
///       .gives(schemas::reserve_response)
///       .fails({ec::seat_held, ec::unknown})
///       .runs(on_reserve);
class route_words {
public:
  route_words(shop& s, route& to) : shop_(s), to_(to) {
    // nop
  }

  /// Needs a login (else 401).
  route_words& user() {
    to_.level = access::user;
    return *this;
  }
  /// Needs an administrator (else 401, 403).
  route_words& admin() {
    to_.level = access::admin;
    return *this;
  }
  /// Who may call, where that is configured.
  route_words& level(access who) {
    to_.level = who;
    return *this;
  }
  /// Needs an entry token while the gate is on (1.8).
  route_words& gated() {
    to_.gated = true;
    return *this;
  }
  /// Never stored by caches although anybody may ask; routes with a login need not say it.
  route_words& personal() {
    to_.personal = true;
    return *this;
  }
  /// Also for whom has to change the password before all else (G07).
  route_words& while_password_due() {
    to_.while_password_due = true;
    return *this;
  }
  /// Schema of the body it takes.
  route_words& takes(std::string schema) {
    to_.request_schema = std::move(schema);
    return *this;
  }
  /// Schema of what it answers, and with which status.
  route_words& gives(std::string schema, int status = 200) {
    to_.response_schema = std::move(schema);
    to_.success = status;
    return *this;
  }
  /// One more answer that is no refusal of the error table.
  route_words& or_gives(int status, std::string schema, std::string description);
  /// What it answers is no JSON.
  route_words& in(std::string content_type) {
    to_.content_type = std::move(content_type);
    return *this;
  }
  /// A refusal with a code that the error table does not have.
  route_words& fails_as(int status, std::string code) {
    to_.other_codes.emplace_back(status, std::move(code));
    return *this;
  }
  /// Its refusals, beyond what every route, login, body and limits imply.
  route_words& fails(std::vector<ec> errors) {
    to_.errors = std::move(errors);
    return *this;
  }
  /// A query parameter it reads.
  route_words& query(std::string name, std::string schema, std::string description);
  /// Waits for somebody outside: it is answered within 12 s instead of 8.
  route_words& patient() {
    to_.patient = true;
    return *this;
  }
  /// Its answer has no end; so many may be open (G05).
  route_words& streams() {
    to_.streams = true;
    to_.content_type = "text/event-stream";
    return *this;
  }
  /// Another bound of the body than 1 MiB.
  route_words& body_max(size_t bytes) {
    to_.body_limit = bytes;
    return *this;
  }

  /// The handler. Runs on a reactor thread: hands over and returns, never blocks.
  void runs(void (*run)(shop&, const exchange_ptr&));
  void runs(handler run) { to_.run = std::move(run); }

private:
  shop& shop_;
  route& to_;
};

/// Adds routes with one tag to a list. How often one may call them follows from the path (1.9).
class route_group {
public:
  route_group(shop& s, std::vector<route>& out, std::string tag)
      : shop_(s), out_(out), tag_(std::move(tag)) {
    // nop
  }

  /// `path` as in `route::path`; `name` is the operation's unique id; `summary` one sentence.
  route_words get(std::string path, std::string name, std::string summary) {
    return add(method::get, std::move(path), std::move(name), std::move(summary));
  }
  route_words post(std::string path, std::string name, std::string summary) {
    return add(method::post, std::move(path), std::move(name), std::move(summary));
  }
  route_words put(std::string path, std::string name, std::string summary) {
    return add(method::put, std::move(path), std::move(name), std::move(summary));
  }
  route_words patch(std::string path, std::string name, std::string summary) {
    return add(method::patch, std::move(path), std::move(name), std::move(summary));
  }
  route_words remove(std::string path, std::string name, std::string summary) {
    return add(method::delete_, std::move(path), std::move(name), std::move(summary));
  }

private:
  route_words add(method verb, std::string path, std::string name, std::string summary);

  shop& shop_;
  std::vector<route>& out_;
  std::string tag_;
};

} // namespace tk::http
