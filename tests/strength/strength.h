/*
 * How strong the judge is: a passing trace is damaged in one place, and the judge must object.
 *
 *   damage.c    the kinds of damage, and how each is done to a copy of the trace; those of
 *               segments in damage_segment.c, what a stranger would try in damage_stranger.c
 *   neutral.c   which damages a case's own words (or RFC 9293) allow: nothing need object to them
 *   strength.c  the command: every kind at every place of every passing run, and the report;
 *               share.c has several processes do it
 *
 * A damage is done consistently where a witness would be consistent (both captures of a segment
 * say the same, payload keeps the pattern), so that what catches it is not a clumsy forgery.
 */
#ifndef SP_TESTS_STRENGTH_H
#define SP_TESTS_STRENGTH_H

#include "again.h"

/* A run that passed, and a copy of its trace to be damaged. */
struct bench {
    const struct sp_result *run;
    struct again again;
    const struct sp_flights *flights; /* of the whole trace */
    const struct sp_stmt **taken_by;  /* by event: the line that it came true for, NULL none */
    const struct sp_variant **as;     /* and the variant that held */
    int64_t end_ns;                   /* of the script */
    int64_t last_ns;
    struct sp_trace copy; /* shares all strings with the whole trace */
};

/* What a kind is applied to; the number of a place counts within its sort. */
enum site { AT_SEGMENT, AT_CALL, AT_STATE, AT_ACTION, AT_MARK, AT_LINE, AT_SENDER };

struct kind {
    const char *name;
    enum site site;
    /* Damages bench->copy (a fresh copy) at that place; false where it does not apply there. */
    bool (*apply)(struct bench *bench, size_t at, int64_t by);
    int64_t by;
    /* Why nothing need object, NULL where something must. May be NULL itself: always must. */
    const char *(*neutral)(const struct bench *bench, size_t at, int64_t by);
};

extern const struct kind kinds[];
extern const size_t kind_count;

size_t site_count(const struct bench *bench, enum site site);
/* The event of the whole trace that a place is about, NULL none. */
const struct sp_event *site_event(const struct bench *bench, enum site site, size_t at);

/* ---- shared by the kinds and the rules ------------------------------------------------------ */

/* bench->copy becomes the whole trace again. */
void bench_copy(struct bench *bench);
size_t event_index(const struct bench *bench, const struct sp_event *ev);
static inline const struct sp_event *shown(const struct sp_flight *flight)
{
    return flight->sent ? flight->sent : flight->received;
}

/* Of any damage to a segment. */
const char *neutral_script(const struct bench *bench, size_t at);
const char *neutral_loss(const struct bench *bench, size_t at, int64_t by);
const char *neutral_arrival(const struct bench *bench, size_t at, int64_t by);
const char *neutral_flag(const struct bench *bench, size_t at, int64_t by);
const char *neutral_fin(const struct bench *bench, size_t at, int64_t by);
const char *neutral_more(const struct bench *bench, size_t at, int64_t by);
const char *neutral_ecn(const struct bench *bench, size_t at, int64_t by);
const char *neutral_unstamped(const struct bench *bench, size_t at, int64_t by);
const char *neutral_elsewhere(const struct bench *bench, size_t at, int64_t by);
const char *neutral_soon(const struct bench *bench, size_t at, int64_t by);
const char *neutral_number(const struct bench *bench, size_t at, int64_t by);
const char *neutral_less(const struct bench *bench, size_t at, int64_t by);
const char *neutral_swap(const struct bench *bench, size_t at, int64_t by);
const char *neutral_window(const struct bench *bench, size_t at, int64_t by);
const char *neutral_host(const struct bench *bench, size_t at, int64_t by);
const char *neutral_order(const struct bench *bench, size_t at, int64_t by);
const char *neutral_sibling(const struct bench *bench, size_t at, int64_t by);
const char *neutral_call(const struct bench *bench, size_t at, int64_t by);
const char *neutral_out(const struct bench *bench, size_t at, int64_t by);
const char *neutral_state_loss(const struct bench *bench, size_t at, int64_t by);
const char *neutral_state(const struct bench *bench, size_t at, int64_t by);
const char *neutral_mark(const struct bench *bench, size_t at, int64_t by);

enum { TO_NOUGHT = 1000 }; /* `by` of the damage that makes a call succeed, with 0 */

/* An error that is easily taken for that one; NULL none is known. */
const char *sibling_of(const char *error);
/* Where a call tells its error. */
const char **told_error(struct sp_ev_call *call);

/* What became of a call under `call-value`: also asked by its rule. */
int64_t damaged_value(const struct sp_ev_call *call, int64_t by);

/* The state that `state + N` puts there. */
enum sp_tcp_state damaged_state(enum sp_tcp_state state, int64_t by);

/*
 * Survivors that are argued (argued.c): `run` and `place` as the report shows them. argued_read()
 * reads the table of single ones.
 */
bool argued_read(const char *path);
/* The argument's name; NULL: there is none. */
const char *argued(const struct bench *bench, const struct kind *kind, size_t at, const char *run,
                   const char *place);
/* A run that is gone through: rows that are about it ought to excuse something. */
void argued_about(const char *run);
/* Rows that are about a run that was gone through and excuse nothing, one a line; how many. */
size_t argued_stale(bool print);
/* Each of what the arguments count, by number; NULL: there are no more. */
size_t *argued_count(size_t i);
void argued_print(bool all);
void argued_release(void);

/* The rules in words, for the report: name and sentence; NULL ends them. */
extern const char *const neutral_rules[][2];

#endif
