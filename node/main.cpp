#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <sodium.h>

#include "logging/log.hpp"
#include "node/app.hpp"
#include "node/environment.hpp"
#include "node/seeding.hpp"
#include "persistence/migrations/migrate.hpp"

extern char** environ;

namespace {

using namespace tk;

/// One line that says what is wrong and what to do; exit code 1.
int fail(std::string text) {
  std::ranges::replace_if(
    text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  std::fprintf(stderr, "tiketi-node: %s\n", text.c_str());
  return 1;
}

/// SIGINT and SIGTERM are taken by `wait_for_end` alone: blocked before any thread starts.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

/// Returns when a signal asks for the end, or when the node cannot go on.
std::string wait_for_end(const sigset_t& signals, const running_node& node) {
  for (;;) {
    timespec patience{0, 500'000'000};
    if (sigtimedwait(&signals, nullptr, &patience) > 0) return "";
    if (auto why = node.failed(); !why.empty()) return why;
  }
}

/// Seat maps are megabytes that live for a second: they go back to the system when they are freed,
/// instead of staying in the heap of whichever thread made them.
void set_up_heap() {
  constexpr int large = 256 * 1024, heaps = 4;
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_ARENA_MAX, heaps);
}

int run(const node_config& config) {
  set_up_heap();
  auto signals = block_signals();
  start_log(config.text("LOG_LEVEL"));
  auto node = start_node(config);
  if (!node) {
    stop_log();
    return fail(node.error());
  }
  log_line(log_level::info, "node", "node_ready").number("port", (*node)->port());
  auto why = wait_for_end(signals, **node);
  node->reset();
  if (why.empty()) log_line(log_level::info, "node", "node_stopped");
  else log_line(log_level::error, "node", "node_failed").text("what", why);
  stop_log();
  return why.empty() ? 0 : fail(why + "; start the node again");
}

int apply_migrations(const node_config& config) {
  auto applied = migrate(conninfo_for(config, "tiketi_migrate"));
  if (!applied) return fail(applied.error());
  std::printf("%d migrations applied\n", *applied);
  return 0;
}

int fill(const node_config& config) {
  auto done = seed_database(config);
  if (!done) return fail(done.error());
  std::printf("%s\n", done->c_str());
  return 0;
}

std::string option_help() {
  std::string out = "Options, by environment or in <config dir>/<profile>.conf:\n";
  for (auto& x : all_options())
    out += "  " + std::string{x.name} + "  " + std::string{x.meaning} +
           (x.fallback.empty() ? "" : " (default " + std::string{x.fallback} + ")") + "\n";
  return out;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Tiketi: one node of the ticket shop."};
  app.require_subcommand(1);
  std::string config_dir = "cluster-config";
  app.add_option("--config-dir", config_dir, "Folder of the profiles' files")
    ->envname("TIKETI_CONFIG_DIR");
  auto run_command = app.add_subcommand("run", "Serves until SIGINT or SIGTERM.");
  auto migrate_command = app.add_subcommand("migrate", "Brings the database to this release.");
  auto seed_command = app.add_subcommand("seed", "Fills an empty database; else does nothing.");
  auto config_command = app.add_subcommand("config", "Shows the effective configuration.");
  bool check_only = false;
  config_command->add_flag("--check", check_only, "Say only whether it is valid");
  config_command->footer(option_help());
  CLI11_PARSE(app, argc, argv);
  if (sodium_init() < 0) return fail("libsodium cannot start");
  const process_environment env{environ};
  auto config = load_config(env, config_dir);
  if (!config) return fail(config.error());
  if (*run_command) return run(*config);
  if (*migrate_command) return apply_migrations(*config);
  if (*seed_command) return fill(*config);
  if (!check_only) std::printf("%s", config->describe().c_str());
  return 0;
}
