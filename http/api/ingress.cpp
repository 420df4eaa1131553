#include "http/api/ingress.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "logging/log.hpp"

namespace tk::http {

namespace {

struct run_job {
  ingress_pool::job what;
};

} // namespace

} // namespace tk::http

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::http::run_job)

namespace tk::http {

namespace {

struct ingress_state {
  static inline const char* name = "tk.ingress";
  size_t slot = 0;
};

// CAF 0.17 dereferences a null pointer when an actor's function takes nothing but `self`.
caf::behavior ingress(caf::stateful_actor<ingress_state>* self, size_t slot) {
  self->state.slot = slot;
  return {[self](run_job& x) { x.what(self); }};
}

} // namespace

struct ingress_pool::slots {
  caf::actor_system& system;
  std::mutex mutex; ///< Of what follows; held for a look-up.
  std::vector<caf::actor> actors;
  bool closed = false;
};

ingress_pool::ingress_pool(caf::actor_system& system, size_t actors)
    : slots_(new slots{system, {}, std::vector<caf::actor>(actors)}) {
  for (size_t i = 0; i < actors; ++i) start(slots_, i);
}

ingress_pool::~ingress_pool() { close(); }

void ingress_pool::close() {
  std::vector<caf::actor> actors;
  {
    std::unique_lock guard{slots_->mutex};
    slots_->closed = true;
    actors.swap(slots_->actors);
  }
  for (auto& x : actors) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
}

void ingress_pool::start(const std::shared_ptr<slots>& all, size_t slot) {
  auto fresh = all->system.spawn(ingress, slot);
  fresh->attach_functor([weak = std::weak_ptr<slots>(all), slot](const caf::error& why) {
    if (!why || why == caf::exit_reason::user_shutdown) return;
    auto again = weak.lock();
    if (!again) return;
    log_line(log_level::error, "http", "ingress_replaced")
      .text("actor", "tk.ingress")
      .number("slot", int64_t(slot));
    start(again, slot);
  });
  {
    std::unique_lock guard{all->mutex};
    if (!all->closed) return all->actors[slot].swap(fresh);
  }
  caf::anon_send_exit(fresh, caf::exit_reason::user_shutdown);
}

void ingress_pool::run(job what) {
  caf::actor to;
  {
    std::unique_lock guard{slots_->mutex};
    if (slots_->closed) return;
    auto& all = slots_->actors;
    to = all[next_.fetch_add(1, std::memory_order_relaxed) % all.size()];
  }
  caf::anon_send(to, run_job{std::move(what)});
}

void ingress_pool::later(caf::event_based_actor* self, millis after, job what) {
  self->delayed_send(self, after, run_job{std::move(what)});
}

} // namespace tk::http
