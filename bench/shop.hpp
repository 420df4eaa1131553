#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/machine.hpp"

struct pg_conn;

namespace tk::bench {

/// A connection of the superuser, for data and for checks. Throws std::runtime_error with the
/// server's text.
class database {
public:
  explicit database(const std::string& conninfo);
  ~database();
  database(const database&) = delete;

  void execute(const std::string& sql);
  /// The first column of the first row; empty when there is none or it is null.
  std::string value(const std::string& sql);

private:
  pg_conn* connection_;
};

/// Everything of this run's data follows from numbers, so that nothing has to be read back:
/// user, event and seat ids are uuids whose last twelve digits are the number.
std::string user_uuid(uint64_t n);
std::string event_uuid(uint64_t n);
std::string seat_uuid(uint64_t n);

/// An access token as the server issues them (HS256, claims of contract 1.2), valid for an hour.
/// `iat` and `exp` are seconds since the epoch.
std::string access_token(uint64_t user, std::string_view secret, int64_t iat);

/// A POST /api/v1/seats/reserve of one seat by one user with its own token.
std::string reserve_request(std::string_view token, uint64_t event, uint64_t seat);
/// A GET of `path`; with `gzip` it accepts that encoding.
std::string get_request(std::string_view path, bool gzip);

/// PostgreSQL with an empty, migrated database, and the programs to run. One per run of the bench.
class shop {
public:
  /// `admin` is the superuser's conninfo, `data` the cluster's data folder. Creates the database
  /// and migrates it.
  shop(std::string admin, std::string data, std::string node, std::string constant_server);
  ~shop();
  shop(const shop&) = delete;
  /// Another one with a copy of this one's database as it is now, in the same PostgreSQL. No node
  /// of this one may run meanwhile. What is measured in turns at both meets the same machine.
  std::unique_ptr<shop> twin();

  [[nodiscard]] database& sql() { return *sql_; }
  /// Conninfo parts for programs: "host=... port=... dbname=...".
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }

  /// Makes `count` users, numbered from `first`.
  void add_users(uint64_t first, uint64_t count);
  /// Makes an event on sale with `seats` seats in blocks of 500; seats are numbered from
  /// `first_seat`.
  void add_event(uint64_t event, uint64_t first_seat, uint64_t seats);
  /// After the data is complete: statistics, and a checkpoint so that none falls into a run.
  void settle();

  /// Sets a variable of the node's environment for starts to come; "" takes it back.
  void set(const std::string& name, const std::string& value);
  /// Starts the node and waits until it is ready; returns the seconds that took.
  double start_node();
  void stop_node() { node_.reset(); }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] pid_t node_pid() const { return node_->pid(); }
  [[nodiscard]] pid_t postgres_pid() const { return postgres_; }
  [[nodiscard]] const std::string& secret() const { return secret_; }
  /// A token of user `n`, signed when it is asked for.
  [[nodiscard]] std::string token(uint64_t n) const;
  [[nodiscard]] const std::string& folder() const { return folder_; }

  /// A program that lives as long as this.
  struct server {
    uint16_t port;
    std::unique_ptr<child> process;
  };
  /// Starts one more node with these variables besides, and waits until it is ready.
  server start_beside(const std::map<std::string, std::string>& more);
  /// Starts the constant server with bodies of `bytes` bytes.
  server start_constant(size_t bytes);
  /// Starts a provider that speaks as Toss Payments does and grants everything after `delay_ms`.
  server start_toss(int delay_ms);

private:
  /// With a database that exists and is migrated.
  struct made {};
  shop(made, const shop& like, const std::string& database);
  [[nodiscard]] std::map<std::string, std::string> environment() const;
  server start_program(const std::string& program, const std::string& argument,
                       const std::string& log);

  std::string admin_, node_program_, constant_program_, folder_, url_, socket_, secret_;
  pid_t postgres_ = 0;
  std::map<std::string, std::string> extra_;
  int64_t iat_ = 0;
  uint16_t port_ = 0;
  std::unique_ptr<database> sql_;
  std::unique_ptr<child> node_;
};

} // namespace tk::bench
