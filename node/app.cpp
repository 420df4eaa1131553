#include "node/app.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <caf/all.hpp>

#include "actors/registry.hpp"
#include "gateways/identity/google.hpp"
#include "gateways/password/pool.hpp"
#include "http/api/brakes.hpp"
#include "http/api/callback_signature.hpp"
#include "http/api/cases.hpp"
#include "http/api/letters.hpp"
#include "http/api/notices.hpp"
#include "http/api/shop.hpp"
#include "http/server.hpp"
#include "logging/log.hpp"
#include "node/brake_watch.hpp"
#include "node/cluster.hpp"
#include "node/draining.hpp"
#include "node/keys.hpp"
#include "node/metrics.hpp"
#include "node/notice_watch.hpp"
#include "node/operators.hpp"
#include "node/payments.hpp"
#include "node/ports.hpp"
#include "node/recalls.hpp"
#include "node/reconciling.hpp"
#include "node/relay.hpp"
#include "node/revocation_watch.hpp"
#include "node/settings.hpp"
#include "node/staff.hpp"
#include "node/system_entropy.hpp"
#include "persistence/brakes/actor.hpp"
#include "persistence/cases/actor.hpp"
#include "persistence/ledger/actor.hpp"
#include "persistence/ledger/driver.hpp"
#include "persistence/ledger/driver_pg.hpp"
#include "persistence/ledger/roster_driver.hpp"
#include "persistence/ledger/roster_pg.hpp"
#include "persistence/losses/actor.hpp"
#include "persistence/migrations/migrate.hpp"
#include "persistence/notices/actor.hpp"
#include "persistence/operators/actor.hpp"
#include "persistence/pg/connection.hpp"
#include "persistence/pii/check.hpp"
#include "persistence/placement/actor.hpp"
#include "persistence/reads/actor.hpp"
#include "persistence/store/actor.hpp"
#include "persistence/store/keeper.hpp"
#include "supervisors/attempt_log.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/node.hpp"
#include "supervisors/node_clock.hpp"
#include "supervisors/region.hpp"

namespace tk {

namespace {

using problem = tl::unexpected<std::string>;

constexpr millis connect_limit{5000};
constexpr int takeover_tries = 10;
constexpr millis takeover_pause{500};
constexpr int namesake_tries = 50;
constexpr millis namesake_pause{100};
constexpr millis first_look_limit{20'000};
/// By this much another node's clock may be ahead when it issues a token.
constexpr millis token_clock_margin{60'000};

class actor_config : public caf::actor_system_config {
public:
  explicit actor_config(const node_config& config) {
    prepare_network(config, *this);
    add_message_types<caf::id_block::tiketi>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", static_cast<uint64_t>(config.number("WORKER_THREADS")));
    set("scheduler.max-throughput", uint64_t{100}); // No actor keeps a worker for itself.
  }
};

void log_failure(const std::string& text) {
  log_line(log_level::warn, "persistence", "database_job_failed").text("what", text);
}

/// Everything of a node, in order of construction; destroyed in reverse.
class node final : public running_node {
public:
  explicit node(const node_config& config)
      : config_(config),
        actors_(config),
        system_(actors_),
        hasher_(password_settings_of(config), random_),
        tokens_(token_settings_of(config)),
        logins_(login_limits_of(config)),
        codes_(make_ticket_codes(config)),
        identity_(tokens_, context_.revoked),
        maps_(boards_),
        pool_(system_, static_cast<size_t>(config.number("WORKER_THREADS"))),
        cache_(pool_, clock_) {
    system_.await_actors_before_shutdown(false); // Entities keep no state of their own: they go.
  }

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// In order: shards are given to others while it still serves; no new requests; nobody who
  /// watches; entities and ingress; then what they used. No member goes before the last actor has
  /// ended, because actors hold references to them.
  ~node() override {
    leaving_ = true;
    if (server_) server_->retire();
    if (supervisor_ && cluster_ && failed().empty() && !context_.suspended)
      give_shards_away(supervisor_, std::chrono::seconds{config_.number("CLUSTER_DRAIN_SECONDS")});
    if (server_) server_->stop();
    if (operators_) operators_->stop();
    stopping_ = true;
    end(supervisor_);
    pool_.close();
    end(context_.region);
    for (auto& x : to_stop_) end(x);
    if (!actors_ended()) {
      {
        const log_line said(log_level::warn, "node", "stop_forced"); // Written at its end.
      }
      stop_log();
      std::_Exit(failed().empty() ? 0 : 1); // What was answered is durable already.
    }
    if (roster_ && !context_.suspended) roster_->leave(); // The next start need not wait for us.
  }

  /// Empty when the node runs.
  std::string start() {
    // First of all: who cannot listen must not take the shards from a node that does.
    if (auto wrong = check_ports(); !wrong.empty()) return wrong;
    if (auto wrong = check_database(); !wrong.empty()) return wrong;
    if (auto wrong = join(); !wrong.empty()) return wrong;
    if (auto wrong = spawn_services(); !wrong.empty()) return wrong;
    // No request is served before it is known whose tokens were revoked before the start.
    if (revocations_known_.wait_for(first_look_limit) != std::future_status::ready)
      return "DATABASE_URL: cannot read which tokens were revoked; the log says why";
    if (brakes_known_.wait_for(first_look_limit) != std::future_status::ready)
      return "DATABASE_URL: cannot read whether sales are stopped; the log says why";
    return listen();
  }

  [[nodiscard]] uint16_t port() const override { return server_->port(); }

  [[nodiscard]] std::string failed() const override {
    std::unique_lock guard{failed_mutex_};
    return failed_;
  }

private:
  static void end(const caf::actor& x) {
    if (x) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  }

  /// Waits for the last actor, for as long as anybody will wait.
  bool actors_ended() {
    constexpr int tries = 1600;
    constexpr millis pause{5};
    for (int i = 0; i < tries; ++i) {
      if (system_.registry().running() == 0) return true;
      std::this_thread::sleep_for(pause);
    }
    return false;
  }

  std::string check_ports() {
    auto taken = [this](const char* name) {
      return name + (" " + config_.text(name)) +
             ": something listens there already; stop it or choose another port";
    };
    auto shop = server_options_of(config_);
    if (!port_free(shop.bind_address, shop.port)) return taken("PORT");
    auto operators = operators_of(config_);
    if (!operators) return operators.error();
    bool fine = !*operators || port_free((*operators)->address, (*operators)->port);
    return fine ? "" : taken("OPERATOR_PORT");
  }

  std::string check_database() {
    auto db = pg::connection::open(conninfo_for(config_, "tiketi_read"), connect_limit);
    if (!db)
      return "DATABASE_URL: cannot connect (" + db.error() +
             "); is PostgreSQL running, and has `tiketi-node migrate` made the roles?";
    if (auto schema = check_schema(*db); !schema)
      return "DATABASE_URL: " + schema.error() + "; run: tiketi-node migrate";
    return check_accounts();
  }

  /// The keys of personal data, tried on what is stored.
  std::string check_accounts() {
    auto vault = make_vault(config_);
    if (!vault) return vault.error();
    vault_ = *vault;
    auto db = pg::connection::open(conninfo_for(config_, "tiketi_store"), connect_limit);
    if (!db) return "DATABASE_URL: cannot connect as tiketi_store (" + db.error() + ")";
    auto right = check_keys(*db, *vault_);
    return right ? "" : right.error();
  }

  std::string join() {
    auto& text = config_.text("TIKETI_NODE_ID");
    id_ = text.empty() ? make_id<node_id>(random_) : parse_id<node_id>(text).value_or(node_id{});
    if (id_.nil()) return "TIKETI_NODE_ID: must be a uuid";
    roster_ = std::make_shared<roster_pg>(roster_config{conninfo_for(config_, "tiketi_ledger")});
    if (auto settings = cluster_settings_of(config_)) cluster_.emplace(std::move(*settings));
    auto mine = join_by_name();
    if (!mine && mine.error() == roster_error::namesake_lives)
      return "TIKETI_NODE_ID: a node with this id is running on this database already; stop it, or "
             "give this one an id and a database of its own";
    if (mine && !cluster_) mine = take_everything();
    if (!mine) return "DATABASE_URL: cannot join the roster (" + roster_->last_error() + ")";
    incarnation_ = mine->incarnation;
    set_log_node(to_string(id_));
    if (!cluster_ && mine->owned() < shard_count)
      return "DATABASE_URL: another node owns " + std::to_string(shard_count - mine->owned()) +
             " shards of this database; stop it first, or use another database";
    for (size_t i = 0; i < mine->epochs.size(); ++i) context_.epochs.epochs[i] = mine->epochs[i];
    clock_.set_offset((mine->at - node_clock::machine_now()).count());
    return "";
  }

  /// Alone. A node that died just now still counts as alive for some seconds.
  tl::expected<membership, roster_error> take_everything() {
    tl::expected<membership, roster_error> mine;
    for (int tries = 0; tries < takeover_tries; ++tries) {
      if (tries > 0) std::this_thread::sleep_for(takeover_pause);
      if (auto count = roster_->take(); !count) return tl::unexpected(count.error());
      mine = roster_->read();
      if (!mine || mine->owned() == shard_count) break;
    }
    return mine;
  }

  /// A node of our name that was killed is gone in a moment; one that hangs, after 3 s.
  tl::expected<membership, roster_error> join_by_name() {
    node_facts facts{cluster_ ? cluster_->settings().address : "", TIKETI_RELEASE};
    auto mine = roster_->join(id_, facts);
    for (int tries = 0; tries < namesake_tries; ++tries) {
      if (mine || mine.error() != roster_error::namesake_seen) return mine;
      std::this_thread::sleep_for(namesake_pause);
      mine = roster_->join(id_, facts);
    }
    return mine;
  }

  template <class Handle> Handle keep(Handle x) {
    to_stop_.push_back(caf::actor_cast<caf::actor>(x));
    return x;
  }

  std::vector<ledger_driver_actor> spawn_drivers() {
    std::vector<ledger_driver_actor> out;
    for (size_t lane = 0; lane < lane_count; ++lane) {
      ledger_driver_config driver;
      driver.conninfo = conninfo_for(config_, "tiketi_ledger");
      driver.node = id_;
      driver.incarnation = incarnation_;
      driver.slot = static_cast<int>(lane);
      driver.losses = losses_;
      auto executor = std::make_shared<ledger_driver_pg>(driver);
      out.push_back(keep(system_.spawn<caf::detached>(ledger_driver, executor)));
    }
    return out;
  }

  void spawn_payments() {
    staff_.spawn_calls(system_, config_, random_, to_stop_);
    auto desk = spawn_payment_desk(system_, config_, clock_, payment_probes_, staff_.calls);
    if (desk.all) context_.payments = keep(desk.all);
    context_.payment_provider = desk.confirmed_by;
    context_.instant_provider = desk.instant_by;
    client_key_ = desk.client_key;
    store_id_ = desk.store_id;
    if (!desk.all || config_.text("TIKETI_ENV") != "production") return;
    log_line(log_level::warn, "node", "real_money_moves").text("provider", desk.confirmed_by);
  }

  /// Empty when no client id is configured.
  identity_actor spawn_google() {
    identity_config google;
    google.rules.audience = config_.text("GOOGLE_CLIENT_ID");
    google.keys_url = config_.text("GOOGLE_JWKS_URL");
    if (google.rules.audience.empty()) return {};
    return keep(spawn_google_identity(system_, std::move(google), spawn_fetch_worker(system_, {}),
                                      clock_, identity_probe_));
  }

  void begin_traces() {
    auto wanted = export_settings_of(config_, to_string(id_), TIKETI_RELEASE);
    if (!wanted) return;
    traces_ = std::make_unique<export_worker>(std::move(*wanted), random_);
    add_trace_metrics(meters_, traces_->probe());
  }

  std::string spawn_services() {
    begin_traces();
    context_.system = &system_;
    context_.clock = &clock_;
    context_.random = &random_;
    context_.boards = &boards_;
    context_.attempts = &attempts_;
    context_.traces = traces_.get();
    context_.sale = sale_settings_of(config_);
    context_.queue = queue_settings_of(config_);
    context_.gate = gate_settings_of(config_);
    context_.ledger =
      keep(spawn_ledger(system_, ledger_config{}, spawn_drivers(), clock_, ledger_probe_, lanes_));
    watch_pool(meters_, reads_probe_, "reads", config_.number("READ_POOL_SIZE"));
    watch_pool(meters_, store_probe_, "store", config_.number("STORE_POOL_SIZE"));
    context_.reads =
      keep(spawn_reads(system_, {conninfo_for(config_, "tiketi_read"),
                                 static_cast<size_t>(config_.number("READ_POOL_SIZE")), 20'000,
                                 log_failure, &reads_probe_}));
    store_ = keep(spawn_store(system_, {conninfo_for(config_, "tiketi_store"),
                                        static_cast<size_t>(config_.number("STORE_POOL_SIZE")),
                                        4096, vault_, log_failure, &store_probe_}));
    password_pool_config pool{password_workers_for(std::thread::hardware_concurrency()),
                              static_cast<size_t>(config_.number("PASSWORD_QUEUE_MAX"))};
    passwords_ = keep(spawn_password_pool(system_, pool, hasher_));
    spawn_payments();
    google_ = spawn_google();
    upkeep_config upkeep;
    upkeep.interval = millis{config_.number("ACCOUNT_UPKEEP_INTERVAL_MS")};
    upkeep.erase_after_s = config_.number("ACCOUNT_ERASE_AFTER_SECONDS");
    keep(spawn_keeper(system_, store_, upkeep, upkeep_probe_));
    revocations_known_ = watch_revocations();
    if (cluster_) cluster_->spawn_ways(context_, incarnation_, to_stop_);
    brakes_known_ = watch_brakes();
    watch_notices();
    context_.region = keep(spawn_region(context_, {}, shards_));
    node_supervision supervision;
    if (auto wrong = join_cluster(supervision); !wrong.empty()) return wrong;
    supervision.sweep_interval = millis{config_.number("RESERVATION_CLEANUP_INTERVAL_MS")};
    supervision.roster = keep(system_.spawn<caf::detached>(roster_driver, roster_));
    supervision.set_clock_offset = [this](int64_t ms) { clock_.set_offset(ms); };
    supervision.fatal = [this](const char* why) { give_up(why); };
    supervision.parts = to_stop_;
    supervisor_ = keep(spawn_node_supervisor(context_, std::move(supervision)));
    relay_.spawn(config_, context_, to_stop_);
    reconciling_.spawn(config_, context_, id_, to_stop_);
    recall_settings recalls;
    recalls.at_once = config_.number("EVENT_REFUNDS_AT_ONCE");
    keep(spawn_recalls(context_, store_, id_, recalls, recall_probe_,
                       [this] { return calls_of(payment_probes_); }));
    return "";
  }

  /// Nothing to do for a node that is alone.
  std::string join_cluster(node_supervision& supervision) {
    supervision.alone = !cluster_;
    if (!cluster_) return "";
    supervision.rebalance_after =
      std::chrono::seconds{config_.number("CLUSTER_REBALANCE_AFTER_SECONDS")};
    auto database = roster_->database();
    if (!database) return "DATABASE_URL: " + roster_->last_error();
    cluster::hello own;
    own.node = id_;
    own.incarnation = incarnation_;
    own.database = *database;
    auto there = cluster_->spawn_connections(context_, std::move(own), to_stop_);
    if (!there) return there.error();
    supervision.connections = *there;
    auto taker = std::make_shared<roster_pg>(roster_config{conninfo_for(config_, "tiketi_ledger")});
    taker->act_as(id_, incarnation_);
    supervision.taker = keep(system_.spawn<caf::detached>(shard_taker, std::move(taker)));
    cluster_->add_metrics(meters_, context_);
    return "";
  }

  /// Told when the first look is complete.
  std::future<void> watch_revocations() {
    revocation_watch_config watch;
    watch.token_life =
      std::chrono::seconds{config_.number("JWT_EXPIRATION_SECONDS")} + token_clock_margin;
    context_.revoked.keep_for(watch.token_life);
    auto loaded = std::make_shared<std::promise<void>>(); // The actor may outlast who waits.
    keep(spawn_revocation_watch(system_, store_, context_.revoked, clock_, watch,
                                [loaded] { loaded->set_value(); }));
    return loaded->get_future();
  }

  /// Told when the first look is complete.
  std::future<void> watch_brakes() {
    context_.brakes = &brakes_;
    brake_rows_ = keep(spawn_brakes(system_, {conninfo_for(config_, "tiketi_store"), log_failure}));
    auto loaded = std::make_shared<std::promise<void>>(); // The actor may outlast who waits.
    keep(spawn_brake_watch(system_, brake_rows_, brakes_, [loaded] { loaded->set_value(); }));
    return loaded->get_future();
  }

  void watch_notices() {
    auto rows = keep(spawn_notices(system_, {conninfo_for(config_, "tiketi_store"), log_failure}));
    keep(spawn_notice_watch(system_, rows, notices_));
    notice_desk_.reset(new http::notice_desk{rows, store_, notices_, pool_, clock_});
  }

  /// What the shop's port serves.
  std::vector<http::route> routes() {
    brake_desk_.reset(new http::brake_desk{brake_rows_, store_, brakes_, pool_});
    auto out = http::shop_routes(*shop_);
    http::add_brake_routes(*brake_desk_, "/api/admin/sales", http::audience::admins, out);
    letter_desk_.reset(new http::letter_desk{relay_.letters, store_, pool_});
    http::add_letter_routes(*letter_desk_, out);
    http::add_public_notice_routes(*notice_desk_, out);
    http::add_notice_routes(*notice_desk_, "/api/admin/notices", http::audience::admins, out);
    auto cases = keep(spawn_cases(system_, {conninfo_for(config_, "tiketi_store"), log_failure}));
    case_desk_.reset(new http::case_desk{cases, store_, pool_});
    http::add_case_routes(*case_desk_, "/api/admin/cases", http::audience::admins, out);
    staff_.add_routes(system_, config_, vault_, store_, pool_, clock_, to_stop_, out);
    tell_of_leaving(out, leaving_);
    return out;
  }

  std::string listen() {
    queue_ = std::make_unique<http::queue_desk>(context_, queue_desk_settings_of(config_));
    to_stop_.push_back(queue_->front.start());
    gate_ = std::make_unique<http::gate_desk>(context_, gate_desk_settings_of(config_));
    to_stop_.push_back(gate_->front.start());
    shop_.reset(new http::shop{context_,
                               store_,
                               passwords_,
                               google_,
                               tokens_,
                               codes_,
                               meters_,
                               config_.flag("COOKIE_SECURE"),
                               logins_,
                               pool_,
                               cache_,
                               maps_,
                               *queue_,
                               *gate_,
                               client_key_,
                               http::creation_times(meters_),
                               {},
                               {}});
    shop_->seat_list_rotation = config_.flag("SEAT_LIST_ROTATION");
    shop_->payment_store_id = store_id_;
    shop_->toss_webhook_key = config_.text("TOSS_WEBHOOK_SECRET");
    shop_->portone_webhook_key = http::standard_webhook_key(config_.text("PORTONE_WEBHOOK_SECRET"));
    http::add_shop_metrics(meters_, *shop_);
    add_node_metrics(meters_, context_, ledger_probe_, clock_);
    add_lane_metrics(meters_, ledger_probe_, lanes_);
    add_shard_metrics(meters_, context_, shards_);
    add_gateway_metrics(meters_, identity_probe_, payment_probes_);
    add_recall_metrics(meters_, recall_probe_);
    add_account_metrics(meters_, upkeep_probe_);
    relay_.add_metrics(meters_);
    reconciling_.add_metrics(meters_);
    staff_.add_metrics(meters_);
    meters_.add_gauge("ledger_loss_suspected", "1: something that was answered may be gone.",
                      [book = losses_] { return suspected(book->read()) ? 1.0 : 0.0; });
    server_ = std::make_unique<http::server>(
      server_options_of(config_), routes(),
      http::server_context{identity_, clock_, random_, meters_, entry_gate_of(config_, boards_),
                           traces_.get()});
    try {
      server_->start();
    } catch (const std::exception& e) {
      return "PORT " + config_.text("PORT") + ": " + e.what() +
             "; choose another port or stop what listens there";
    }
    return listen_to_operators();
  }

  /// Their own listener, when it is configured.
  std::string listen_to_operators() {
    auto wanted = operators_of(config_);
    if (!wanted) return wanted.error();
    if (!*wanted) return "";
    auto rows =
      keep(spawn_operator_rows(system_, {conninfo_for(config_, "tiketi_read"), log_failure}));
    auto placement =
      keep(spawn_placement(system_, {conninfo_for(config_, "tiketi_store"), log_failure}));
    http::loss_desk losses{
      losses_, keep(spawn_losses(system_, {conninfo_for(config_, "tiketi_store"), log_failure})),
      id_, [this] { give_up("an operator has accepted a loss: a fresh start forgets it"); }};
    operators_ = std::make_unique<http::operator_listener>(
      **wanted,
      http::operator_desk{context_, ledger_probe_, upkeep_probe_, relay_.probe, rows,
                          to_string(id_), clock_.now(), pool_, *brake_desk_, *notice_desk_,
                          placement, std::move(losses), reconciling_.actor, *case_desk_},
      random_);
    try {
      operators_->start();
    } catch (const std::exception& e) {
      return "OPERATOR_PORT " + config_.text("OPERATOR_PORT") + ": " + e.what();
    }
    log_line(log_level::info, "node", "operators_ready").number("port", operators_->port());
    return "";
  }

  void give_up(const char* why) {
    if (stopping_) return;
    std::unique_lock guard{failed_mutex_};
    failed_ = why;
  }

  node_config config_;
  system_entropy random_;
  node_clock clock_;
  board_store boards_;
  attempt_log attempts_;
  brake_list brakes_;
  http::notice_board notices_;
  http::metrics meters_;
  ledger_probe ledger_probe_;
  lane_table lanes_;
  shard_table shards_;
  std::shared_ptr<loss_book> losses_ = std::make_shared<loss_book>();
  pg_probe reads_probe_, store_probe_;
  std::map<std::string, payment_probe> payment_probes_; ///< By provider.
  recall_probe recall_probe_;
  std::string client_key_, store_id_; ///< What browsers need to pay.
  identity_probe identity_probe_;
  upkeep_probe upkeep_probe_;
  relay_parts relay_;
  reconciling_parts reconciling_;
  staff_parts staff_;
  std::unique_ptr<export_worker> traces_; ///< Null: nothing is traced. Outlives who makes spans.
  std::optional<cluster_parts> cluster_;
  actor_config actors_;
  caf::actor_system system_;
  password_hasher hasher_;
  http::token_service tokens_;
  http::login_throttle logins_;
  http::ticket_codes codes_;
  node_context context_;
  http::token_authenticator identity_;
  http::seat_maps maps_;
  http::ingress_pool pool_;
  http::response_cache cache_;
  node_id id_;
  int64_t incarnation_ = 0;
  std::shared_ptr<const pii_vault> vault_;
  std::shared_ptr<roster_pg> roster_;
  store_actor store_;
  password_actor passwords_;
  identity_actor google_;
  brakes_actor brake_rows_;
  std::future<void> revocations_known_, brakes_known_;
  std::vector<caf::actor> to_stop_;
  caf::actor supervisor_;
  std::atomic<bool> stopping_{false}, leaving_{false};
  std::unique_ptr<http::queue_desk> queue_;
  std::unique_ptr<http::gate_desk> gate_;
  std::unique_ptr<http::shop> shop_;
  std::unique_ptr<http::brake_desk> brake_desk_;
  std::unique_ptr<http::notice_desk> notice_desk_;
  std::unique_ptr<http::letter_desk> letter_desk_;
  std::unique_ptr<http::case_desk> case_desk_;
  std::unique_ptr<http::server> server_;
  std::unique_ptr<http::operator_listener> operators_;
  mutable std::mutex failed_mutex_;
  std::string failed_;
};

} // namespace

std::string conninfo_for(const node_config& config, const char* role) {
  auto out = config.text("DATABASE_URL");
  bool uri = out.starts_with("postgresql://") || out.starts_with("postgres://");
  if (!uri) return out + " user=" + role + " application_name=tiketi";
  out += out.find('?') == std::string::npos ? '?' : '&';
  return out + "user=" + role + "&application_name=tiketi";
}

tl::expected<std::unique_ptr<running_node>, std::string> start_node(const node_config& config) {
  auto out = std::make_unique<node>(config);
  if (auto wrong = out->start(); !wrong.empty()) return problem(wrong);
  return out;
}

} // namespace tk
