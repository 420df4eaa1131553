#include "http/api/views.hpp"

namespace tk::http {

namespace {

json text_or_null(bool has, const std::string& x) { return has ? json(x) : json(nullptr); }

json time_or_null(bool has, instant x) { return has ? json(to_iso(x)) : json(nullptr); }

template <class Id> json id_or_null(bool has, const Id& x) {
  return has ? json(to_string(x)) : json(nullptr);
}

json price_or_null(bool has, won x) { return has ? json(x.amount) : json(nullptr); }

/// The fields every view of an event begins with.
json event_row_json(const event_view& x) {
  return {
    {"id", to_string(x.id)},
    {"title", x.title},
    {"description", text_or_null(x.has_description, x.description)},
    {"venue", x.venue},
    {"address", text_or_null(x.has_address, x.address)},
    {"event_date", to_iso(x.event_date)},
    {"sale_start_date", time_or_null(x.has_sale_start, x.sale_start)},
    {"sale_end_date", time_or_null(x.has_sale_end, x.sale_end)},
    {"poster_image_url", text_or_null(x.has_poster, x.poster_image_url)},
    {"status", x.status},
    {"artist_name", text_or_null(x.has_artist_name, x.artist_name)},
    {"artist_id", id_or_null(x.has_artist, x.artist)},
    {"seat_layout_id", id_or_null(x.has_layout, x.layout)},
  };
}

/// When the sale of an artist's event opens for each tier (2.9).
json presale_schedule(instant sale_start) {
  auto after = [&](int hours) { return to_iso(sale_start + std::chrono::hours{hours}); };
  return {{"diamond", after(0)}, {"gold", after(1)}, {"silver", after(24)}, {"bronze", after(48)}};
}

/// An event as its artist's page shows it (2.3).
json artist_event_json(const event_view& x) {
  json out = {
    {"id", to_string(x.id)},
    {"title", x.title},
    {"venue", x.venue},
    {"event_date", to_iso(x.event_date)},
    {"sale_start_date", time_or_null(x.has_sale_start, x.sale_start)},
    {"sale_end_date", time_or_null(x.has_sale_end, x.sale_end)},
    {"status", x.status},
    {"poster_image_url", text_or_null(x.has_poster, x.poster_image_url)},
    {"min_price", price_or_null(x.has_prices, x.min_price)},
    {"max_price", price_or_null(x.has_prices, x.max_price)},
  };
  if (x.has_sale_start) out["pre_sale_schedule"] = presale_schedule(x.sale_start);
  return out;
}

/// What both views of an artist share.
json artist_json(const artist_view& x) {
  return {
    {"id", to_string(x.id)},
    {"name", x.name},
    {"image_url", text_or_null(x.has_image, x.image_url)},
    {"description", text_or_null(x.has_description, x.description)},
    {"membership_price", x.membership_price.amount},
    {"created_at", to_iso(x.created_at)},
  };
}

json ticket_type_json(const ticket_type_view& x) {
  return {
    {"id", to_string(x.id)},
    {"name", x.name},
    {"price", x.price.amount},
    {"total_quantity", x.total},
    {"available_quantity", x.available},
    {"description", text_or_null(x.has_description, x.description)},
  };
}

json item_json(const reservation_item_view& x) {
  return {
    {"ticketTypeName", x.ticket_type_name},
    {"quantity", x.quantity},
    {"unitPrice", x.unit_price.amount},
    {"subtotal", x.subtotal.amount},
    {"seatLabel", text_or_null(x.has_seat, x.seat_label)},
  };
}

json item_detail_json(const reservation_item_view& x) {
  auto out = item_json(x);
  out["seatId"] = id_or_null(x.has_seat, x.seat);
  out["section"] = text_or_null(x.has_seat, x.section);
  out["rowNumber"] = x.has_seat ? json(x.row_number) : json(nullptr);
  out["seatNumber"] = x.has_seat ? json(x.seat_number) : json(nullptr);
  return out;
}

/// What all views of a reservation share.
json reservation_head(const reservation_view& x) {
  return {
    {"id", to_string(x.id)},
    {"reservation_number", x.number},
    {"total_amount", x.total.amount},
    {"status", x.status},
    {"payment_status", x.payment_status},
    {"payment_method", text_or_null(x.has_payment_method, x.payment_method)},
    {"expires_at", to_iso(x.expires_at)},
    {"created_at", to_iso(x.created_at)},
    {"event_id", to_string(x.event)},
    {"event_title", x.event_title},
    {"venue", x.venue},
    {"event_date", to_iso(x.event_date)},
  };
}

/// What the answers to all creations share.
json hold_json(const hold_reply& x, const reservation_view* ended) {
  std::string_view paid = "pending";
  if (ended) paid = ended->payment_status;
  else if (static_cast<reservation_status>(x.status) == reservation_status::confirmed)
    paid = "completed";
  auto status = static_cast<reservation_status>(x.status);
  return {{"id", to_string(x.id)},         {"reservationNumber", x.number},
          {"totalAmount", x.total.amount}, {"status", status_word(status)},
          {"paymentStatus", paid},         {"expiresAt", to_iso(x.expires_at)}};
}

} // namespace

json user_payload(const user_row& x) {
  auto id = to_string(x.id);
  return {{"id", id},
          {"userId", id},
          {"email", x.email},
          {"name", x.name},
          {"role", x.role == user_role::admin ? "admin" : "user"}};
}

json me_view(const user_row& x) {
  return {{"id", to_string(x.id)},
          {"email", x.email},
          {"name", x.name},
          {"role", x.role == user_role::admin ? "admin" : "user"},
          {"createdAt", to_iso(x.created_at)}};
}

json profile_view(const user_row& x) {
  auto out = me_view(x);
  out["phone"] = x.phone.empty() ? json{} : json(x.phone);
  out["hasPassword"] = !x.password_hash.empty();
  out["hasGoogle"] = x.has_google;
  return out;
}

json session_view_json(const session_view& x, bool current) {
  return {{"id", to_string(x.id)},
          {"created_at", to_iso(x.created_at)},
          {"last_used_at", to_iso(x.used_at)},
          {"expires_at", to_iso(x.expires_at)},
          {"user_agent", x.user_agent.empty() ? json{} : json(x.user_agent)},
          {"address", x.address.empty() ? json{} : json(x.address)},
          {"current", current}};
}

json event_list_row(const event_view& x) {
  auto out = event_row_json(x);
  out["ticket_type_count"] = x.ticket_type_count;
  out["min_price"] = price_or_null(x.has_prices, x.min_price);
  out["max_price"] = price_or_null(x.has_prices, x.max_price);
  return out;
}

json policy_json(const cancellation_policy& x) {
  auto fees = json::array();
  for (auto& step : x.fees)
    fees.push_back({{"daysBefore", step.days_before}, {"percent", step.percent}});
  return {{"untilHours", x.until_hours ? json(*x.until_hours) : json(nullptr)},
          {"showDay", x.show_day},
          {"fees", std::move(fees)}};
}

json cancellation_json(const reservation_view& x, instant now) {
  bool paid = x.status == "confirmed";
  if (!paid && x.status != "pending") return nullptr;
  auto policy = paid && !x.event_cancelled ? x.cancellation : cancellation_policy{};
  auto terms = terms_at(policy, x.event_date, paid ? x.total : won{}, now);
  return {{"possible", terms.allowed},
          {"fee", terms.fee.amount},
          {"refund", terms.refund.amount},
          {"until", terms.until == instant::max() ? json(nullptr) : json(to_iso(terms.until))}};
}

json event_detail(const event_view& x) {
  auto event = event_list_row(x);
  event["pre_scaled"] = x.pre_scaled;
  event["created_by"] = id_or_null(x.has_creator, x.creator);
  event["created_at"] = to_iso(x.created_at);
  event["updated_at"] = to_iso(x.updated_at);
  auto types = json::array();
  for (auto& type : x.ticket_types) types.push_back(ticket_type_json(type));
  event["ticketTypes"] = types;
  event["cancellationPolicy"] = policy_json(x.cancellation);
  json out = {{"event", std::move(event)}, {"ticketTypes", std::move(types)}};
  if (x.has_artist && x.has_sale_start) out["preSaleSchedule"] = presale_schedule(x.sale_start);
  return out;
}

json layout_view_json(const layout_view& x) {
  return {{"id", to_string(x.id)},
          {"name", x.name},
          {"description", text_or_null(x.has_description, x.description)},
          {"total_seats", x.total_seats},
          {"layout_config", json::parse(x.layout_json, nullptr, false)}};
}

json artist_list_row(const artist_view& x) {
  auto out = artist_json(x);
  out["event_count"] = x.event_count;
  out["member_count"] = x.member_count;
  return out;
}

json artist_detail(const found_artist& x) {
  auto artist = artist_json(x.artist);
  artist["updated_at"] = to_iso(x.artist.updated_at);
  auto events = json::array();
  for (auto& event : x.events) events.push_back(artist_event_json(event));
  return {{"artist", std::move(artist)},
          {"memberCount", x.artist.member_count},
          {"events", std::move(events)}};
}

json reservation_list_row(const reservation_view& x) {
  auto out = reservation_head(x);
  out["items"] = json::array();
  for (auto& item : x.items) out["items"].push_back(item_json(item));
  return out;
}

json reservation_detail(const reservation_view& x) {
  auto out = reservation_head(x);
  out["address"] = text_or_null(x.has_address, x.address);
  out["items"] = json::array();
  out["seats"] = json::array();
  for (auto& item : x.items) {
    out["items"].push_back(item_detail_json(item));
    if (item.has_seat)
      out["seats"].push_back({{"seatLabel", item.seat_label}, {"price", item.unit_price.amount}});
  }
  return out;
}

json seat_reservation(const reservation_view& x) {
  auto out = reservation_head(x);
  out["seats"] = json::array();
  for (auto& item : x.items)
    out["seats"].push_back({{"seatId", id_or_null(item.has_seat, item.seat)},
                            {"seatLabel", text_or_null(item.has_seat, item.seat_label)},
                            {"section", text_or_null(item.has_seat, item.section)},
                            {"rowNumber", item.has_seat ? json(item.row_number) : json(nullptr)},
                            {"seatNumber", item.has_seat ? json(item.seat_number) : json(nullptr)},
                            {"price", item.unit_price.amount},
                            {"ticketTypeName", item.ticket_type_name},
                            {"quantity", item.quantity}});
  return out;
}

std::string_view status_word(reservation_status x) {
  switch (x) {
  case reservation_status::pending: return "pending";
  case reservation_status::confirmed: return "confirmed";
  case reservation_status::cancelled: return "cancelled";
  case reservation_status::expired: return "expired";
  }
  return "pending";
}

namespace {

/// What an answer tells of a seat beside what it costs.
struct told_seat {
  std::string status;
  int32_t version = 0;
  int64_t fence = 0;
};

/// The seat of a hold or of a sale.
told_seat seat_as_held(const hold_reply& x, const held_item& seat) {
  bool sold = static_cast<reservation_status>(x.status) == reservation_status::confirmed;
  return {sold ? "reserved" : "locked", seat.version, seat.fence};
}

/// The seat of a reservation that is over: as it is now, whosever it is, with the token that this
/// reservation had.
told_seat seat_of(const reservation_view& x, seat_id seat) {
  for (auto& item : x.items)
    if (item.seat == seat) return {item.seat_status, item.seat_version, item.fence};
  return {"available", 0, 0}; // Deleted since.
}

} // namespace

json reserved_answer(const hold_reply& x, const seat_plan& plan, const reservation_view* ended) {
  auto seats = json::array();
  for (auto& seat : x.items) {
    auto now = ended ? seat_of(*ended, seat.seat) : seat_as_held(x, seat);
    seats.push_back({{"id", to_string(seat.seat)},
                     {"seat_label", plan.label(seat.seat)},
                     {"price", seat.price.amount},
                     {"status", now.status},
                     {"version", now.version},
                     {"fencingToken", now.fence}});
  }
  auto row = hold_json(x, ended);
  row["fencingToken"] = seats.empty() ? json(0) : seats.front()["fencingToken"];
  row["seats"] = std::move(seats);
  return {{"message", "Seat reserved temporarily"},
          {"reservationId", to_string(x.id)},
          {"reservation", std::move(row)}};
}

json plan_type_json(const plan_type& x, const quota_board_ptr& board) {
  return {
    {"id", to_string(x.id)},
    {"name", x.name},
    {"price", x.price.amount},
    {"total_quantity", board ? board->total : x.total},
    {"available_quantity", board ? board->available : 0},
    {"description", text_or_null(x.has_description, x.description)},
  };
}

json ordered_answer(const hold_reply& x, const seat_plan& plan, const reservation_view* ended) {
  auto row = hold_json(x, ended);
  row["eventTitle"] = plan.title();
  row["items"] = json::array();
  for (auto& item : x.items) {
    auto type = plan.find_type(item.type);
    row["items"].push_back({{"ticketTypeId", to_string(item.type)},
                            {"ticketTypeName", type ? type->name : std::string{}},
                            {"quantity", item.quantity},
                            {"unitPrice", item.price.amount},
                            {"subtotal", (item.price * item.quantity).amount}});
  }
  return {{"message", "Reservation created"},
          {"reservationId", to_string(x.id)},
          {"reservation", std::move(row)}};
}

namespace {

json ticket_head(const ticket_view& x) {
  json out = {{"id", to_string(x.id)},
              {"ticket_number", x.number},
              {"reservation_id", to_string(x.reservation)},
              {"event_id", to_string(x.event)},
              {"event_title", x.event_title},
              {"venue", x.venue},
              {"event_date", to_iso(x.event_date)},
              {"seat_label", nullptr},
              {"ticket_type_name", nullptr},
              {"price", x.price.amount},
              {"status", x.status}};
  if (x.has_seat) out["seat_label"] = x.seat_label;
  if (x.has_type) out["ticket_type_name"] = x.type_name;
  return out;
}

} // namespace

json ticket_row(const ticket_view& x, const std::optional<std::string>& code) {
  auto out = ticket_head(x);
  out["qr"] = nullptr;
  if (code) out["qr"] = *code;
  return out;
}

json door_ticket(const ticket_view& x) {
  auto out = ticket_head(x);
  out["used_at"] = nullptr;
  if (x.used_at != instant{}) out["used_at"] = to_iso(x.used_at);
  return out;
}

} // namespace tk::http
