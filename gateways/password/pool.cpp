#include "gateways/password/pool.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

/// Longer than any hash at a sane cost. A worker that needs more is given up for that request.
constexpr auto work_timeout = std::chrono::seconds(60);
constexpr int worker_niceness = 10;

// -- worker -------------------------------------------------------------------------------------

struct worker_state {
  static inline const char* name = "tiketi.password-worker";
  bool nice = false;
};
using worker_ptr = password_actor::stateful_pointer<worker_state>;

/// Linux gives each thread a niceness of its own. Without the right to set it nothing is lost.
void lower_priority(worker_ptr self) {
  if (!self->state.nice)
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), worker_niceness);
  self->state.nice = true;
}

password_actor::behavior_type worker(worker_ptr self, const password_hasher* hasher) {
  return {
    [=](const hash_password& x) -> hashed_password {
      lower_priority(self);
      auto made = hasher->hash(x.password);
      return made ? hashed_password{ec::ok, *made} : hashed_password{made.error(), {}};
    },
    [=](const verify_password& x) -> password_verified {
      lower_priority(self);
      auto found = hasher->verify(x.password, x.stored);
      return {ec::ok, found.matches, found.needs_rehash};
    },
  };
}

// -- front --------------------------------------------------------------------------------------

using work = std::function<void(const password_actor& worker)>;

struct front_state {
  static inline const char* name = "tiketi.passwords";
  size_t waiting_max = 0;
  std::vector<password_actor> idle;
  std::deque<work> waiting;
};
using front_ptr = password_actor::stateful_pointer<front_state>;

void release(front_ptr self, const password_actor& worker) {
  auto& st = self->state;
  if (st.waiting.empty()) {
    st.idle.push_back(worker);
    return;
  }
  auto next = std::move(st.waiting.front());
  st.waiting.pop_front();
  next(worker);
}

template <class Reply, class Request> caf::result<Reply> admit(front_ptr self, const Request& x) {
  auto& st = self->state;
  if (st.idle.empty() && st.waiting.size() >= st.waiting_max) {
    Reply full;
    full.error = ec::busy;
    return full;
  }
  auto reply = promise_reply<Reply>(self);
  auto start = [=](const password_actor& worker) {
    self->request(worker, work_timeout, x)
      .then(
        [=](const Reply& made) {
          reply->deliver(made);
          release(self, worker);
        },
        [=](caf::error&) {
          reply->fail(ec::internal);
          release(self, worker);
        });
  };
  if (st.idle.empty()) {
    st.waiting.emplace_back(std::move(start));
  } else {
    auto worker = std::move(st.idle.back());
    st.idle.pop_back();
    start(worker);
  }
  return reply->rp;
}

password_actor::behavior_type front(front_ptr self, size_t waiting_max,
                                    const std::vector<password_actor>& workers) {
  self->state.waiting_max = waiting_max;
  self->state.idle = workers;
  self->attach_functor([workers] {
    for (const auto& x : workers) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  });
  return {
    [=](const hash_password& x) { return admit<hashed_password>(self, x); },
    [=](const verify_password& x) { return admit<password_verified>(self, x); },
  };
}

} // namespace

size_t password_workers_for(size_t cores) { return std::max<size_t>(1, cores / 2); }

password_actor spawn_password_front(caf::actor_system& system, size_t waiting_max,
                                    std::vector<password_actor> workers) {
  return system.spawn(front, waiting_max, std::move(workers));
}

password_actor spawn_password_pool(caf::actor_system& system, password_pool_config config,
                                   const password_hasher& hasher) {
  std::vector<password_actor> workers;
  for (size_t i = 0; i < std::max<size_t>(1, config.workers); ++i)
    workers.push_back(system.spawn<caf::detached>(worker, &hasher));
  return spawn_password_front(system, config.waiting_max, std::move(workers));
}

} // namespace tk
