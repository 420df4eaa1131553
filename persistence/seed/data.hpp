#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// What a fresh shop shows (contract section 7). Nothing but tables.
namespace tk::seeds {

struct section {
  std::string_view name;
  int32_t rows, seats_per_row, price, start_row;
};
struct layout {
  std::string_view name, description;
  std::vector<section> sections;
};
/// Day relative to the day of seeding, and minutes of that day, in the business zone.
struct moment {
  int32_t day, hour, minute;
};
struct ticket_type {
  std::string_view name;
  int32_t price, total, available;
};
/// Empty `layout`: a standing event. Empty `artist`: none.
struct event {
  std::string_view title, layout, artist, venue, address;
  bool on_sale;
  moment sale_start, sale_end, date;
  std::vector<ticket_type> types;
};
struct keyword {
  std::string_view korean, english, kind;
};
struct article {
  std::string_view title, content;
  int32_t views;
  bool pinned;
};

const std::vector<layout>& all_layouts();
std::span<const std::string_view> all_artists();
std::span<const keyword> all_keywords();
std::span<const article> all_news();
/// Of every profile.
std::vector<event> shop_events();
/// Of the load profile (D38): the earliest sale starts, seats and many tickets.
std::vector<event> load_events();

constexpr std::string_view news_author = "관리자";
constexpr std::string_view load_account_mail = "loadtest@example.com";
constexpr std::string_view load_account_name = "Load Test User";

} // namespace tk::seeds
