#include "http/api/ingress.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

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
  size_t number = 0;
};

// CAF 0.17 dereferences a null pointer when an actor's function takes nothing but `self`.
caf::behavior ingress(caf::stateful_actor<ingress_state>* self, size_t number) {
  self->state.number = number;
  return {
    [self](run_job& x) {
      try {
        x.what(self);
      } catch (const std::exception& e) {
        spdlog::error("event=ingress_job_failed what=\"{}\"", e.what());
      }
    },
  };
}

} // namespace

ingress_pool::ingress_pool(caf::actor_system& system, size_t actors) {
  for (size_t i = 0; i < actors; ++i) actors_.push_back(system.spawn(ingress, i));
}

void ingress_pool::run(job what) {
  auto i = next_.fetch_add(1, std::memory_order_relaxed) % actors_.size();
  caf::anon_send(actors_[i], run_job{std::move(what)});
}

} // namespace tk::http
