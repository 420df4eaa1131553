#include "persistence/pg/result.hpp"

#include <libpq-fe.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "persistence/pg/params.hpp"

namespace tk::pg {

namespace {

constexpr size_t array_header = 20; // Of one dimension.

uint64_t load(const char* from, int bytes) {
  uint64_t x = 0;
  for (int i = 0; i < bytes; ++i) x = (x << 8) | static_cast<uint8_t>(from[i]);
  return x;
}

} // namespace

void result::deleter::operator()(pg_result* x) const { PQclear(x); }

bool result::ok() const {
  if (!raw_) return false;
  auto status = PQresultStatus(raw_.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

bool result::skipped() const {
  return raw_ && PQresultStatus(raw_.get()) == PGRES_PIPELINE_ABORTED;
}

std::string_view result::sqlstate() const { return error_field(PG_DIAG_SQLSTATE); }

std::string_view result::constraint() const { return error_field(PG_DIAG_CONSTRAINT_NAME); }

std::string_view result::error_field(int code) const {
  if (!raw_) return {};
  auto* text = PQresultErrorField(raw_.get(), code);
  return text ? std::string_view{text} : std::string_view{};
}

std::string result::error() const {
  if (!raw_) return "connection lost";
  auto* text = PQresultErrorMessage(raw_.get());
  std::string out{sqlstate()};
  out += ' ';
  out += text ? text : "";
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

std::string_view result::command_tag() const {
  return raw_ ? std::string_view{PQcmdStatus(raw_.get())} : std::string_view{};
}

int64_t result::affected() const {
  if (!raw_) return 0;
  std::string_view text{PQcmdTuples(raw_.get())};
  int64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

int result::rows() const { return raw_ ? PQntuples(raw_.get()) : 0; }

bool result::null(int row, int column) const { return PQgetisnull(raw_.get(), row, column) != 0; }

int64_t result::integer(int row, int column) const {
  const char* at = PQgetvalue(raw_.get(), row, column);
  switch (PQgetlength(raw_.get(), row, column)) {
  case 2: return static_cast<int16_t>(load(at, 2));
  case 4: return static_cast<int32_t>(load(at, 4));
  case 8: return static_cast<int64_t>(load(at, 8));
  default: std::abort(); // Null, or not an integer.
  }
}

bool result::boolean(int row, int column) const {
  if (PQgetlength(raw_.get(), row, column) != 1) std::abort();
  return *PQgetvalue(raw_.get(), row, column) != 0;
}

std::string_view result::text(int row, int column) const {
  return {PQgetvalue(raw_.get(), row, column),
          static_cast<size_t>(PQgetlength(raw_.get(), row, column))};
}

std::string_view result::jsonb(int row, int column) const {
  auto raw = text(row, column);
  if (!raw.empty() && raw.front() != 1) std::abort(); // The only version there is.
  return raw.empty() ? raw : raw.substr(1);
}

instant result::time(int row, int column) const {
  if (PQgetlength(raw_.get(), row, column) != 8) std::abort();
  return from_pg_time(static_cast<int64_t>(load(PQgetvalue(raw_.get(), row, column), 8)));
}

size_t result::array_size(int row, int column, int width) const {
  const auto raw = bytes(row, column);
  // An array without elements has no dimension.
  if (raw.empty() || load(raw.data(), 4) == 0) return 0;
  if (raw.size() < array_header || load(raw.data(), 4) != 1) std::abort();
  const auto n = static_cast<size_t>(load(raw.data() + 12, 4));
  // Whatever is null is shorter.
  if (raw.size() != array_header + n * (4 + static_cast<size_t>(width))) std::abort();
  return n;
}

void result::int4s(int row, int column, std::vector<int32_t>& out) const {
  const auto n = array_size(row, column, 4);
  const auto* at = bytes(row, column).data() + array_header + 4;
  out.reserve(out.size() + n);
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<int32_t>(load(at + i * 8, 4)));
}

void result::int8s(int row, int column, std::vector<int64_t>& out) const {
  const auto n = array_size(row, column, 8);
  const auto* at = bytes(row, column).data() + array_header + 4;
  out.reserve(out.size() + n);
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<int64_t>(load(at + i * 12, 8)));
}

void result::read_element(int row, int column, size_t i, uint64_t& hi, uint64_t& lo) const {
  const auto* at = bytes(row, column).data() + array_header + i * 20 + 4;
  hi = load(at, 8);
  lo = load(at + 8, 8);
}

void result::read_uuid(int row, int column, uint64_t& hi, uint64_t& lo) const {
  if (null(row, column)) return;
  if (PQgetlength(raw_.get(), row, column) != 16) std::abort();
  const char* at = PQgetvalue(raw_.get(), row, column);
  hi = load(at, 8);
  lo = load(at + 8, 8);
}

} // namespace tk::pg
