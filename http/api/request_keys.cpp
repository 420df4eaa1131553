#include "http/api/request_keys.hpp"

#include <caf/all.hpp>

#include "http/api/shop.hpp"
#include "http/api/tokens.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

/// Asks the rows; `then` hears of a key that is on record for this, `none` that there is none.
void look_up(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const request_key& key,
             const key_step& then, const std::function<void()>& none) {
  self->request(s.store, store_budget, find_key{x->user(), key.operation, key.key})
    .then(
      [=](const found_key& found) {
        if (refuse_revoked(x, found.tokens)) return;
        if (!found.found) return none();
        if (found.digest != key.digest) {
          x->fail(ec::idempotency_conflict);
          return;
        }
        auto known = key;
        known.effect = found.effect;
        then(self, known);
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

/// What is said of something that was done before.
bool follows_success(ec why) {
  return why == ec::already_paid || why == ec::not_refundable || why == ec::already_cancelled;
}

} // namespace

checked<request_key> read_key(const request& x, const nlohmann::json& body, const char* operation,
                              const std::vector<std::string>& payload) {
  auto key = idempotency_key(x, body);
  if (!key) return tl::unexpected(key.error());
  request_key out;
  if (key->empty()) return out;
  out.operation = operation;
  out.key = std::move(*key);
  std::string text; // With lengths, so that no two payloads make the same text.
  for (auto& part : payload) text.append(std::to_string(part.size())).append(":").append(part);
  out.digest = token_hash(text);
  return out;
}

void with_key(shop& s, const exchange_ptr& x, const request_key& key, const key_step& then) {
  s.pool.run([&s, x, key, then](caf::event_based_actor* self) {
    if (key.key.empty()) then(self, key);
    else look_up(s, self, x, key, then, [=] { then(self, key); });
  });
}

void look_again(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                const request_key& key, ec why, const key_step& then,
                const std::function<void()>& refused) {
  if (key.key.empty() || !key.effect.nil() || !follows_success(why)) refused();
  else look_up(s, self, x, key, then, refused);
}

} // namespace tk::http
