/* When days and months begin and end, in zones that set their clocks. */
#include "base/time_zone.h"

#include "tests/unit/limit_samples.h"

static const struct time_zone *zone(const char *name) {
  const struct time_zone *z;
  if (time_zone_find(name, &z) != OK) fail_msg("no zone %s", name);
  return z;
}

static void test_bounds(void **state) {
  (void)state;
  static const struct {
    const char *zone, *now, *start, *end; /* UTC */
    bool month;
  } samples[] = {
      {"UTC", "2026-11-23 10:20", "2026-11-23", "2026-11-24", false},
      {"UTC", "2024-02-29 23:59:59.999", "2024-02-01", "2024-03-01", true},
      {"Europe/Berlin", "2026-11-23 23:30", "2026-11-23 23:00", "2026-11-24 23:00", false},
      {"Europe/Berlin", "2026-11-23 22:59:59.999", "2026-11-22 23:00", "2026-11-23 23:00", false},
      {"Europe/Berlin", "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00", false}, /* 23 hours */
      {"Europe/Berlin", "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00", false}, /* 25 hours */
      {"Europe/Berlin", "2026-10-25 00:30", "2026-10-24 22:00", "2026-10-25 23:00",
       false}, /* the hour that comes twice */
      {"Europe/Berlin", "2026-10-25 01:30", "2026-10-24 22:00", "2026-10-25 23:00", false},
      {"Europe/Berlin", "2026-03-31 21:59", "2026-02-28 23:00", "2026-03-31 22:00", true},
      {"Europe/Berlin", "2024-02-29 23:30", "2024-02-29 23:00", "2024-03-31 22:00", true},
      {"America/New_York", "2026-11-01 05:30", "2026-11-01 04:00", "2026-11-02 05:00", false},
      {"America/New_York", "2026-12-31 23:00", "2026-12-01 05:00", "2027-01-01 05:00", true},
      {"Asia/Kathmandu", "2026-11-23 18:14:59", "2026-11-22 18:15", "2026-11-23 18:15", false},
      {"Pacific/Kiritimati", "2026-11-23 10:00", "2026-11-23 10:00", "2026-11-24 10:00", false},
      {"Etc/GMT+12", "2026-11-23 11:59", "2026-11-22 12:00", "2026-11-23 12:00", false},
      /* no midnight on that day: 00:00 is 01:00 */
      {"America/Sao_Paulo", "2018-11-04 12:00", "2018-11-04 03:00", "2018-11-05 02:00", false},
      {"America/Sao_Paulo", "2018-11-03 12:00", "2018-11-03 03:00", "2018-11-04 03:00", false},
      /* the clock goes back over midnight: 23:00 comes twice, and the day before ends with the second */
      {"America/Sao_Paulo", "2018-02-18 02:30", "2018-02-17 02:00", "2018-02-18 03:00", false},
      {"Asia/Beirut", "2026-03-29 12:00", "2026-03-28 22:00", "2026-03-29 21:00", false},
      {"Africa/Cairo", "2025-10-30 21:30", "2025-10-29 21:00", "2025-10-30 22:00", false},
      /* 00:01 is 23:01 of the day before: the new day has begun when it was midnight for the first time */
      {"America/St_Johns", "2010-11-07 03:00", "2010-11-07 02:30", "2010-11-08 03:30", false},
      /* half an hour; a day that a whole country left out */
      {"Australia/Lord_Howe", "2026-04-05 00:00", "2026-04-04 13:00", "2026-04-05 13:30", false},
      {"Pacific/Apia", "2011-12-30 09:00", "2011-12-29 10:00", "2011-12-30 10:00", false},
      {"Pacific/Apia", "2011-12-30 10:00", "2011-12-30 10:00", "2011-12-31 10:00", false},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    int64_t start, end;
    (samples[i].month ? time_zone_month : time_zone_day)(zone(samples[i].zone), moment(samples[i].now), &start, &end);
    if (start != moment(samples[i].start) || end != moment(samples[i].end))
      fail_msg("sample %zu: %+lld %+lld s", i, (long long)(start - moment(samples[i].start)) / SECOND_US,
               (long long)(end - moment(samples[i].end)) / SECOND_US);
  }
}

/* Walking from end to start, every moment is in exactly one day, and in one month. */
static void test_days_meet(void **state) {
  (void)state;
  static const char *const zones[] = {"UTC",          "Europe/Berlin",       "America/Sao_Paulo", "Africa/Casablanca",
                                      "Asia/Gaza",    "Australia/Lord_Howe", "Pacific/Apia",      "Antarctica/Troll",
                                      "Africa/Cairo", "America/Asuncion",    "Asia/Tehran",       "America/St_Johns"};
  for (size_t i = 0; i < COUNT_OF(zones); i++) {
    const struct time_zone *z = zone(zones[i]);
    for (int month = 0; month < 2; month++) {
      void (*bounds)(const struct time_zone *, int64_t, int64_t *, int64_t *) = month ? time_zone_month : time_zone_day;
      int64_t start, end = 0, last;
      bounds(z, moment("2010-01-15 12:00"), &start, &last);
      while (last < moment("2030-01-01")) {
        bounds(z, last, &start, &end);
        if (start != last || end <= last) fail_msg("%s: a day does not begin where one ends", zones[i]);
        int64_t also_start, also_end;
        for (int part = 1; part < 8; part++) {
          bounds(z, start + (end - start) * part / 8, &also_start, &also_end);
          if (also_start != start || also_end != end) fail_msg("%s: a day in a day", zones[i]);
        }
        bounds(z, end - 1, &also_start, &also_end);
        assert_true(also_start == start && also_end == end);
        last = end;
      }
    }
  }
}

static void test_names(void **state) {
  (void)state;
  static const char *const none[] = {
      "",           "Europe/Nowhere",  "../../etc/passwd", "/etc/localtime", "Europe",        "+03:00",
      "UTC5",       "EST5EDT4,M3.2.0", "Europe/../UTC",    ":UTC",           "posixrules/..", "leapseconds",
      "iso3166.tab"};
  const struct time_zone *z, *again;
  for (size_t i = 0; i < COUNT_OF(none); i++)
    if (time_zone_find(none[i], &z) != E_NOT_FOUND) fail_msg("%s is a zone", none[i]);
  assert_int_equal(time_zone_find("UTC", &z), OK);
  assert_null(z);
  assert_string_equal(time_zone_name(NULL), "UTC");
  assert_int_equal(time_zone_id(NULL), 0);
  z = zone("Europe/Berlin");
  again = zone("Europe/Berlin");
  assert_ptr_equal(z, again);
  assert_string_equal(time_zone_name(z), "Europe/Berlin");
  assert_true(time_zone_id(z) > 0 && time_zone_id(z) != time_zone_id(zone("Europe/Paris")));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_days_meet),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
