#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gateways/identity/port.hpp"
#include "gateways/password/port.hpp"
#include "http/api/gate_desk.hpp"
#include "http/api/ingress.hpp"
#include "http/api/login_throttle.hpp"
#include "http/api/queue_desk.hpp"
#include "http/api/response_cache.hpp"
#include "http/api/seat_map.hpp"
#include "http/api/seat_stream.hpp"
#include "http/api/ticket_codes.hpp"
#include "http/api/tokens.hpp"
#include "http/identity.hpp"
#include "http/metrics.hpp"
#include "http/route.hpp"
#include "persistence/store/port.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/node_context.hpp"

namespace prometheus {
class Histogram;
}

namespace tk::http {

/// What the endpoints work with; lives as long as the server.
struct shop {
  node_context& node;
  store_actor store;
  password_actor passwords;
  identity_actor google; ///< Empty: no client id is configured.
  const token_service& tokens;
  const ticket_codes& codes;
  metrics& meters;
  bool cookie_secure;
  login_throttle& logins;
  ingress_pool& pool;
  response_cache& cache;
  seat_maps& maps;
  queue_desk& queue;
  gate_desk& gate;
  std::string payment_client_key;   ///< Handed to the browser by prepare.
  prometheus::Histogram& creations; ///< `business_reservation_create_duration_seconds`.

  /// Loads an event's plan and wakes its blocks, of seats and of quotas, once for all who ask
  /// meanwhile. `done` runs on an ingress actor: ok with a plan, or why there is none.
  using plan_done = std::function<void(caf::event_based_actor*, ec, seat_plan_ptr)>;
  void with_plan(event_id event, plan_done done);
  /// The same for whoever only looks: when it cannot be loaded now, as it was. What is shown of an
  /// event does not end with the database (the boards say how old they are).
  void with_plan_to_show(event_id event, plan_done done);
  /// The same, from rows that are not older than `plan_age_max`: for whoever misses something that
  /// may have been added to the event. The rows cannot be had now: the plan as it was.
  void with_recent_plan(event_id event, plan_done done);
  /// Has the plan read again, unless it is recent or being read.
  void renew_plan(event_id event);
  /// Bounds what guesses at unknown ids cost: one look at the rows in so much time.
  static constexpr millis plan_age_max{2000};

  [[nodiscard]] seat_plan_ptr current_plan(event_id event) const;
  void load_plan_for(event_id event, plan_done done);

  std::mutex plans_mutex;
  std::map<event_id, std::vector<plan_done>> plans_waiting;
  std::atomic<uint64_t> event_reads{0};          ///< `event_reads_total`.
  std::atomic<uint64_t> reservation_searches{0}; ///< `reservation_searches_total`.
  bool seat_list_rotation = false;               ///< D31.
  seat_feeds feeds{};                            ///< Of the seat streams.
  std::string payment_store_id{}; ///< Handed to it as well, when a provider wants it.
  /// What providers sign their callbacks with; empty: nothing is believed.
  std::string toss_webhook_key{}, portone_webhook_key{};
  std::atomic<uint64_t> callbacks_refused{0}, callbacks_taken{0}; ///< `payment_callbacks_total`.
};

/// Puts what the endpoints count onto the metrics page.
void add_shop_metrics(metrics& meters, const shop& s);

/// The histogram for `shop::creations`.
prometheus::Histogram& creation_times(metrics& meters);

/// Access tokens of the contract, for the server's identity step. A revoked one is no token (C1).
class token_authenticator final : public authenticator {
public:
  token_authenticator(const token_service& tokens, const revocation_list& revoked)
      : tokens_(tokens), revoked_(revoked) {
    // nop
  }
  [[nodiscard]] std::optional<principal> authenticate(std::string_view jwt,
                                                      instant now) const override;

private:
  const token_service& tokens_;
  const revocation_list& revoked_;
};

/// Every endpoint of the API, one list per chapter of the contract.
std::vector<route> shop_routes(shop& s);

void add_auth_routes(shop& s, std::vector<route>& out);         // 2.1
void add_account_routes(shop& s, std::vector<route>& out);      // G07
void add_catalogue_routes(shop& s, std::vector<route>& out);    // 2.2, 2.4 layouts
void add_artist_routes(shop& s, std::vector<route>& out);       // 2.3
void add_seat_routes(shop& s, std::vector<route>& out);         // 2.4
void add_reservation_routes(shop& s, std::vector<route>& out);  // 2.5
void add_standing_routes(shop& s, std::vector<route>& out);     // 2.5, 2.6
void add_ticket_routes(shop& s, std::vector<route>& out);       // G03
void add_payment_routes(shop& s, std::vector<route>& out);      // 2.7
void add_webhook_routes(shop& s, std::vector<route>& out);      // G04
void add_queue_routes(shop& s, std::vector<route>& out);        // 2.8
void add_queue_admin_routes(shop& s, std::vector<route>& out);  // 2.8, G17
void add_gate_routes(shop& s, std::vector<route>& out);         // 2.10
void add_gate_admin_routes(shop& s, std::vector<route>& out);   // 2.11
void add_fairness_routes(shop& s, std::vector<route>& out);     // C5
void add_cancellation_routes(shop& s, std::vector<route>& out); // 2.16
void add_system_routes(shop& s, std::vector<route>& out);       // 2.18

// Budgets nest: client 15 s > ingress 8 s > session 6 s (architecture 10).
inline constexpr millis session_budget{6000};
/// The time an entity gets for this request: what is left of it, at most `session_budget`. Zero
/// when it has been answered already: then nothing may be begun for it (H-30).
millis time_for(const exchange& x);
/// The request's id as history rows and domain events keep it: a uuid as it is; of any other text
/// the first 32 hexadecimal digits of its SHA-256, so that who knows the text finds the rows.
request_id request_of(const exchange& x);
/// Whether the caller's token was revoked since it was issued (C1); then it is answered 401. Reads
/// that pass no session ask here, with what came with their rows.
bool refuse_revoked(const exchange_ptr& x, const token_standing& tokens);
/// Answers with the caller's own reservation `id` as `view` shows it; 404 when it is not theirs.
void answer_reservation(shop& s, const exchange_ptr& x, reservation_id id,
                        std::function<nlohmann::ordered_json(const reservation_view&)> view);
inline constexpr millis store_budget{4000};

} // namespace tk::http
