#include "http/api/staff.hpp"

#include <functional>
#include <map>

#include <caf/all.hpp>

#include "actors/base/business_day.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/staff_schemas.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

using json = nlohmann::ordered_json;

constexpr int64_t default_limit = 20;
constexpr size_t search_max = 255, word_max = 200;
constexpr int64_t days_default = 30, days_max = 92;

template <class Id> json id_json(const Id& x) { return x.nil() ? json() : json(to_string(x)); }
json text_json(const std::string& x) { return x.empty() ? json() : json(x); }
json text_json(const std::optional<std::string>& x) { return x ? json(*x) : json(); }
json time_json(instant x) { return x == instant{} ? json() : json(to_iso(x)); }

answer told(const json& x) {
  return json_text(x.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string day_text(instant x) { return to_iso(x + business_zone).substr(0, 10); }

// -- reading --------------------------------------------------------------------------------------

/// A moment, or a day of the business zone: its beginning, or its end.
checked<instant> read_bound(const request& x, std::string_view name, bool end) {
  auto text = x.query(name);
  if (!text || text->empty()) return instant{};
  if (auto day = parse_day(*text))
    return business_midnight(*day) + std::chrono::hours{end ? 24 : 0};
  if (auto at = parse_iso(*text)) return *at;
  return tl::unexpected(
    problem{ec::bad_request, std::string{name} + " must be a day, YYYY-MM-DD, or a time"});
}

/// Reads texts into `to`, in order; the first that is none is told.
std::optional<problem> read_words(const request& x,
                                  std::vector<std::pair<const char*, std::string*>> to) {
  for (auto& [name, word] : to) {
    auto text = read_text_query(x, name, word_max);
    if (!text) return text.error();
    *word = std::move(*text);
  }
  return std::nullopt;
}

checked<page_query> read_staff_page(const request& x, staff_page& to) {
  auto page = read_page(x, default_limit);
  if (!page) return page;
  auto from = read_bound(x, "from", false);
  if (!from) return tl::unexpected(from.error());
  auto before = read_bound(x, "to", true);
  if (!before) return tl::unexpected(before.error());
  auto search = read_text_query(x, "q", search_max);
  if (!search) return tl::unexpected(search.error());
  to.from = *from;
  to.before = *before;
  to.search = std::move(*search);
  to.page = static_cast<int32_t>(page->page);
  to.limit = static_cast<int32_t>(page->limit);
  return page;
}

/// The page with what was found of it, or why not.
template <class Found, class Question>
void answer_list(staff_desk& desk, const exchange_ptr& x, const page_query& page,
                 const Question& what, const char* name,
                 std::function<json(const typename decltype(Found::rows)::value_type&)> view) {
  desk.pool.run([&desk, x, page, what, name, view](caf::event_based_actor* self) {
    self->request(desk.rows, store_budget, what)
      .then(
        [x, page, name, view](const Found& found) {
          json out = {{name, json::array()},
                      {"pagination", pagination(page, found.total)},
                      {"complete", found.complete}};
          for (auto& row : found.rows) out[name].push_back(view(row));
          x->respond(told(out));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

// -- payments -------------------------------------------------------------------------------------

json payment_json(const staff_payment& x) {
  return {{"id", to_string(x.id)},
          {"order_id", x.order_id},
          {"payment_key", text_json(x.payment_key)},
          {"amount", x.amount.amount},
          {"method", text_json(x.method)},
          {"provider", text_json(x.provider)},
          {"status", x.status},
          {"payment_type", x.type},
          {"error_code", text_json(x.error_code)},
          {"refund_amount", x.refunded.amount},
          {"user_id", to_string(x.user)},
          {"user_name", text_json(x.user_name)},
          {"user_email", text_json(x.user_email)},
          {"reservation_id", id_json(x.reservation)},
          {"reservation_number", text_json(x.reservation_number)},
          {"event_id", id_json(x.event)},
          {"event_title", text_json(x.event_title)},
          {"approved_at", time_json(x.approved_at)},
          {"created_at", to_iso(x.created_at)},
          {"updated_at", to_iso(x.updated_at)}};
}

void on_payments(staff_desk& desk, const exchange_ptr& x) {
  find_payments what;
  auto page = read_staff_page(x->req(), what.of);
  if (!page) {
    x->fail(page.error());
    return;
  }
  if (auto wrong = read_words(x->req(), {{"status", &what.status},
                                         {"method", &what.method},
                                         {"provider", &what.provider},
                                         {"errorCode", &what.error_code}})) {
    x->fail(*wrong);
    return;
  }
  answer_list<payments_found>(desk, x, *page, what, "payments", payment_json);
}

json attempt_json(const staff_attempt& x) {
  return {{"id", to_string(x.id)},
          {"provider", x.provider},
          {"method", x.method},
          {"amount", x.amount.amount},
          {"status", x.status},
          {"error_code", text_json(x.error)},
          {"started_at", to_iso(x.started_at)},
          {"closed_at", time_json(x.closed_at)},
          {"next_ask_at", time_json(x.next_ask_at)}};
}

json refund_json(const staff_refund& x) {
  return {{"id", to_string(x.id)},
          {"attempt_id", to_string(x.attempt)},
          {"amount", x.amount.amount},
          {"fee", x.fee.amount},
          {"reason", x.reason},
          {"status", x.status},
          {"error_code", text_json(x.error)},
          {"tries", x.tries},
          {"made_at", to_iso(x.made_at)},
          {"next_try_at", x.done_at == instant{} ? time_json(x.next_try_at) : json()},
          {"done_at", time_json(x.done_at)}};
}

json settled_json(const staff_settled& x) {
  return {{"provider", x.provider},
          {"date", x.settled_on},
          {"amount", x.amount.amount},
          {"refunded", x.refunded.amount},
          {"fee", x.fee.amount}};
}

json call_json(const staff_call& x) {
  return {{"at", to_iso(x.at)},
          {"took_ms", x.took_ms},
          {"provider", x.provider},
          {"call", x.call},
          {"subject", text_json(x.subject)},
          {"amount", x.amount ? json(x.amount->amount) : json()},
          {"outcome", x.outcome},
          {"code", text_json(x.code)},
          {"says", text_json(x.says)}};
}

template <class Row> json list_json(const std::vector<Row>& rows, json (*view)(const Row&)) {
  auto out = json::array();
  for (auto& x : rows) out.push_back(view(x));
  return out;
}

void on_payment(staff_desk& desk, const exchange_ptr& x) {
  desk.pool.run([&desk, x](caf::event_based_actor* self) {
    self->request(desk.rows, store_budget, look_at_payment{x->id_param<payment_id>("id")})
      .then(
        [x](const payment_told& found) {
          if (!found.found) {
            x->respond(error_answer(404, "PAYMENT_UNKNOWN", "Payment not found"));
            return;
          }
          auto row = payment_json(found.row);
          row["provider_status"] = text_json(found.row.provider_status);
          row["refund_reason"] = text_json(found.row.refund_reason);
          row["refunded_at"] = time_json(found.row.refunded_at);
          x->respond(told({{"payment", std::move(row)},
                           {"attempts", list_json(found.attempts, attempt_json)},
                           {"refunds", list_json(found.refunds, refund_json)},
                           {"settled", list_json(found.settled, settled_json)},
                           {"logs", list_json(found.calls, call_json)}}));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

// -- the days -------------------------------------------------------------------------------------

json empty_day(const std::string& date) {
  auto sum = [] { return json{{"count", 0}, {"amount", 0}}; };
  json out = {{"date", date}, {"confirmed", sum()}};
  out["failed"] = {{"count", 0}, {"byCode", json::object()}};
  out["late"] = sum();
  out["refunded"] = {{"count", 0}, {"amount", 0}, {"fees", 0}};
  out["settled"] = {{"count", 0}, {"amount", 0}, {"refunded", 0}, {"fees", 0}, {"paidOut", 0}};
  return out;
}

void add(json& to, const char* name, int64_t x) { to[name] = to[name].get<int64_t>() + x; }

/// Of one day, or of all of them.
void add_sum(json& day, const payment_sum& x) {
  auto& to = day[x.what];
  add(to, "count", x.count);
  if (x.what == "failed") {
    auto& codes = to["byCode"];
    codes[x.code] = codes.value(x.code, int64_t{0}) + x.count;
    return;
  }
  add(to, "amount", x.amount.amount);
  if (x.what == "refunded") add(to, "fees", x.fee.amount);
  if (x.what != "settled") return;
  add(to, "refunded", x.refunded.amount);
  add(to, "fees", x.fee.amount);
  add(to, "paidOut", (x.amount.amount - x.refunded.amount) - x.fee.amount);
}

json summary_json(const summarise_payments& asked, const payments_summed& x) {
  constexpr std::chrono::hours day{24};
  std::map<std::string, json> days; // Days without anything are told, too.
  for (auto at = asked.from; at < asked.before; at += day)
    days.emplace(day_text(at), empty_day(day_text(at)));
  auto total = empty_day("");
  total.erase("date");
  for (auto& sum : x.rows) {
    auto i = days.find(sum.day);
    if (i == days.end()) continue;
    add_sum(i->second, sum);
    add_sum(total, sum);
  }
  json out = {{"from", day_text(asked.from)},
              {"to", day_text(asked.before - day)},
              {"days", json::array()},
              {"total", std::move(total)}};
  for (auto& [date, what] : days) out["days"].push_back(std::move(what));
  return out;
}

/// Whole days, both included; without them the last thirty.
checked<summarise_payments> read_days(const request& x, instant now) {
  constexpr std::chrono::hours day{24};
  summarise_payments out;
  for (std::string_view name : {"from", "to"}) {
    auto text = x.query(name);
    if (!text || text->empty()) continue;
    auto at = parse_day(*text);
    if (!at)
      return tl::unexpected(
        problem{ec::bad_request, std::string{name} + " must be a day, YYYY-MM-DD"});
    if (name == "from") out.from = business_midnight(*at);
    else out.before = business_midnight(*at) + day;
  }
  if (out.before == instant{}) {
    auto today = business_midnight(business_day(now)) + day;
    out.before = out.from == instant{} ? today : std::max(today, out.from + day);
  }
  if (out.from == instant{}) out.from = out.before - days_default * day;
  if (out.before <= out.from) return tl::unexpected(problem{ec::bad_request, "to is before from"});
  if (out.before - out.from > days_max * day)
    return tl::unexpected(problem{ec::bad_request, "at most 92 days may be asked for"});
  return out;
}

void on_summary(staff_desk& desk, const exchange_ptr& x) {
  auto asked = read_days(x->req(), desk.clock.now());
  if (!asked) {
    x->fail(asked.error());
    return;
  }
  desk.pool.run([&desk, x, asked = *asked](caf::event_based_actor* self) {
    self->request(desk.rows, store_budget, asked)
      .then(
        [x, asked](const payments_summed& found) { x->respond(told(summary_json(asked, found))); },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

// -- reservations ---------------------------------------------------------------------------------

json booking_json(const staff_booking& x) {
  return {{"id", to_string(x.id)},
          {"user_id", to_string(x.user)},
          {"user_name", text_json(x.user_name)},
          {"user_email", text_json(x.user_email)},
          {"reservation_number", x.number},
          {"total_amount", x.total.amount},
          {"status", x.status},
          {"payment_status", x.payment_status},
          {"created_at", to_iso(x.created_at)},
          {"event_id", id_json(x.event)},
          {"event_title", x.event_title},
          {"venue", x.venue},
          {"event_date", time_json(x.event_date)}};
}

void on_reservations(staff_desk& desk, const exchange_ptr& x) {
  find_bookings what;
  auto page = read_staff_page(x->req(), what.of);
  if (!page) {
    x->fail(page.error());
    return;
  }
  if (auto wrong = read_words(x->req(), {{"status", &what.status}})) {
    x->fail(*wrong);
    return;
  }
  auto event = x->req().query("eventId").value_or("");
  if (!event.empty()) {
    auto id = parse_id<event_id>(event);
    if (!id) {
      x->fail(problem{ec::bad_request, "eventId must be a uuid"});
      return;
    }
    what.event = *id;
    if (id->nil()) what.status = "none"; // No event has that id, and no reservation that status.
  }
  answer_list<bookings_found>(desk, x, *page, what, "reservations", booking_json);
}

} // namespace

void add_staff_routes(staff_desk& desk, std::vector<route>& out) {
  using doc = query_doc;
  const std::string text = R"({"type":"string"})";
  auto get = [&](const char* path, const char* name, const char* summary,
                 void (*run)(staff_desk&, const exchange_ptr&)) -> route& {
    auto& to = out.emplace_back();
    to.path = path;
    to.level = access::admin;
    to.name = name;
    to.summary = summary;
    to.tag = "admin";
    to.errors = {ec::busy, ec::late, ec::unavailable, ec::internal};
    to.run = [&desk, run](const exchange_ptr& x) { run(desk, x); };
    return to;
  };
  const std::vector<doc> common = {
    {"from", text, "Made then at the earliest: a day in Asia/Seoul, or a time."},
    {"to", text, "Made then at the latest: a day, all of it, or before a time."},
    {"page", R"({"type":"integer","default":1})", "From 1; clamped."},
    {"limit", R"({"type":"integer","default":20})", "1 to 100; clamped."}};
  auto& payments =
    get("/api/admin/payments", "listPayments",
        "Payments, the newest first; the newest 50000 of the wanted time are looked through.",
        on_payments);
  payments.response_schema = schemas::staff_payments();
  payments.queries = common;
  for (auto& [name, says] : std::initializer_list<std::pair<const char*, const char*>>{
         {"status", "Only of this status."},
         {"method", "Only tried by this method."},
         {"provider", "Only tried at this provider."},
         {"errorCode", "Only those of which a try failed with this code."},
         {"q", "Order, payment key, reservation number, id, or the whole mail or name of a user."}})
    payments.queries.push_back({name, text, says});
  auto& summary = get("/api/admin/payments/summary", "paymentSummary",
                      "What came of payments, by day in Asia/Seoul.", on_summary);
  summary.response_schema = schemas::staff_summary;
  summary.queries = {{"from", text, "First day, YYYY-MM-DD; 30 days before the last."},
                     {"to", text, "Last day; today. At most 92 days."}};
  auto& one =
    get("/api/admin/payments/{id}", "paymentDetail",
        "A payment with its attempts, refunds and every call to its provider.", on_payment);
  one.response_schema = schemas::staff_payment_detail();
  one.other_codes = {{404, "PAYMENT_UNKNOWN"}};
  auto& bookings =
    get("/api/admin/reservations", "listReservations",
        "Reservations, the newest first; the newest 50000 of the wanted time are looked through.",
        on_reservations);
  bookings.response_schema = schemas::staff_bookings();
  bookings.queries = common;
  bookings.queries.push_back({"status", text, "Only of this status."});
  bookings.queries.push_back({"eventId", R"({"type":"string","format":"uuid"})", "Of this event."});
  bookings.queries.push_back({"q", text, "Its number or id, or the whole mail or name of a user."});
}

} // namespace tk::http
