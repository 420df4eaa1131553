#include "gateways/web/worker.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <curl/curl.h>

#include "supervisors/reply_once.hpp"

namespace tk {

/// What came of a call, told by the thread to its actor.
struct web_call_ended {
  uint64_t no = 0;
  web_response what;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::web_call_ended)

namespace tk {

namespace {

struct easy_deleter {
  void operator()(CURL* x) const { curl_easy_cleanup(x); }
};
struct multi_deleter {
  void operator()(CURLM* x) const { curl_multi_cleanup(x); }
};
struct list_deleter {
  void operator()(curl_slist* x) const { curl_slist_free_all(x); }
};

/// libcurl's own initialisation: before the first use, once.
bool ready() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

struct transfer {
  uint64_t no = 0;
  web_request request;
  size_t bytes_max = 0;
  std::unique_ptr<CURL, easy_deleter> handle;
  std::unique_ptr<curl_slist, list_deleter> headers;
  std::string body;
};

/// Fewer bytes than given end the transfer.
size_t append(char* data, size_t size, size_t count, void* to) {
  auto& out = *static_cast<transfer*>(to);
  auto bytes = size * count;
  if (out.body.size() + bytes > out.bytes_max) return 0;
  out.body.append(data, bytes);
  return bytes;
}

using call_ended = std::function<void(uint64_t, web_response)>;

/// The thread and what it works on. `start` may be called by any thread.
class engine {
public:
  engine(web_limits limits, call_ended ended)
      : limits_(limits),
        ended_(std::move(ended)),
        multi_(ready() ? curl_multi_init() : nullptr),
        thread_([this] { run(); }) {
    // nop
  }
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  ~engine() {
    {
      std::unique_lock guard{mutex_};
      stopping_ = true;
    }
    if (multi_) curl_multi_wakeup(multi_.get());
    thread_.join();
    for (auto& [handle, x] : under_way_) curl_multi_remove_handle(multi_.get(), handle);
  }

  void start(uint64_t no, web_request x) {
    {
      std::unique_lock guard{mutex_};
      asked_.emplace_back(no, std::move(x)); // Bounded by the actor.
    }
    if (multi_) curl_multi_wakeup(multi_.get());
  }

private:
  void run() {
    if (!multi_) return;
    constexpr int look_up_ms = 1000;
    while (begin_asked()) {
      int open = 0;
      curl_multi_perform(multi_.get(), &open);
      take_ended();
      curl_multi_poll(multi_.get(), nullptr, 0, look_up_ms, nullptr);
    }
  }

  /// False when it is time to stop.
  bool begin_asked() {
    std::vector<std::pair<uint64_t, web_request>> asked;
    {
      std::unique_lock guard{mutex_};
      if (stopping_) return false;
      asked.swap(asked_);
    }
    for (auto& [no, x] : asked) begin(no, std::move(x));
    return true;
  }

  void begin(uint64_t no, web_request what) {
    auto x = std::make_unique<transfer>();
    x->no = no;
    x->request = std::move(what);
    x->bytes_max = limits_.bytes_max;
    x->handle.reset(curl_easy_init());
    if (!x->handle) return ended_(no, {0, false, "", "libcurl cannot start"});
    prepare(*x);
    auto* handle = x->handle.get();
    if (curl_multi_add_handle(multi_.get(), handle) != CURLM_OK)
      return ended_(no, {0, false, "", "libcurl takes no more"});
    under_way_[handle] = std::move(x);
  }

  void prepare(transfer& x) const {
    auto* h = x.handle.get();
    auto& what = x.request;
    bool tls = what.url.starts_with("https:");
    curl_easy_setopt(h, CURLOPT_URL, what.url.c_str());
    curl_easy_setopt(h, CURLOPT_PATH_AS_IS,
                     1L);                      // What was asked for, not what libcurl makes of it.
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L); // Signals and threads do not go together.
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    // On a kept connection that turns out to be closed libcurl would repeat a request by itself.
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    auto time_max = std::clamp(what.time_max, millis{1}, limits_.total_max);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect_max.count()));
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, static_cast<long>(time_max.count()));
    for (auto& line : what.headers) {
      auto* longer = curl_slist_append(x.headers.get(), line.c_str());
      static_cast<void>(x.headers.release());
      x.headers.reset(longer);
    }
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, x.headers.get());
    if (what.method == "POST") {
      curl_easy_setopt(h, CURLOPT_POST, 1L);
      curl_easy_setopt(h, CURLOPT_POSTFIELDS, what.body.c_str()); // Lives as long as the transfer.
      curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, static_cast<long>(what.body.size()));
    }
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &x);
  }

  void take_ended() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      auto code = message->data.result;
      auto i = under_way_.find(message->easy_handle);
      if (i == under_way_.end()) continue;
      auto x = std::move(i->second);
      under_way_.erase(i);
      curl_multi_remove_handle(multi_.get(), x->handle.get());
      ended_(x->no, response_of(*x, code));
    }
  }

  static web_response response_of(transfer& x, CURLcode code) {
    web_response out;
    long status = 0, request_bytes = 0;
    curl_easy_getinfo(x.handle.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x.handle.get(), CURLINFO_REQUEST_SIZE, &request_bytes);
    out.sent = request_bytes > 0;
    if (code == CURLE_OK) {
      out.status = static_cast<int>(status);
      out.body = std::move(x.body);
    } else {
      out.error = curl_easy_strerror(code);
    }
    return out;
  }

  web_limits limits_;
  call_ended ended_;
  std::unique_ptr<CURLM, multi_deleter> multi_;
  std::map<CURL*, std::unique_ptr<transfer>> under_way_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::vector<std::pair<uint64_t, web_request>> asked_;
  std::thread thread_; ///< The last member: it uses all the others.
};

using worker_actor = web_actor::extend<caf::reacts_to<web_call_ended>>;

struct worker_state {
  static inline const char* name = "tiketi.web";
  size_t calls_max = 0;
  uint64_t no = 0;
  std::map<uint64_t, reply_ptr<web_response>> open;
  std::unique_ptr<engine> calls;
};
using worker_ptr = worker_actor::stateful_pointer<worker_state>;

caf::result<web_response> on_request(worker_ptr self, const web_request& x) {
  auto& st = self->state;
  if (st.open.size() >= st.calls_max) return web_response{0, false, "", "too many calls at once"};
  auto reply = promise_reply<web_response>(self);
  st.open[++st.no] = reply;
  st.calls->start(st.no, x);
  return reply->rp;
}

worker_actor::behavior_type worker(worker_ptr self, web_limits limits) {
  auto& st = self->state;
  st.calls_max = limits.calls_max;
  // Weak: the thread ends with the actor, and must not keep it alive.
  caf::actor_addr me = self->address();
  st.calls = std::make_unique<engine>(limits, [me](uint64_t no, web_response what) {
    if (auto to = caf::actor_cast<caf::actor>(me))
      caf::anon_send(to, web_call_ended{no, std::move(what)});
  });
  return {
    [=](const web_request& x) { return on_request(self, x); },
    [=](const web_call_ended& x) {
      if (auto reply = self->state.open.extract(x.no)) reply.mapped()->deliver(x.what);
    },
  };
}

} // namespace

web_actor spawn_web_worker(caf::actor_system& system, web_limits limits) {
  return caf::actor_cast<web_actor>(system.spawn(worker, limits));
}

} // namespace tk
