/*
 * What the files of this room share and nobody outside sees: lines and words, the tree that a case
 * is parsed into, the tables of the language.
 *
 * The way of a text: lex.c cuts it into lines of words (once, kept as sp_case.ast); header.c reads
 * the header; body.c walks over the lines behind it, and stmt.c, call.c, segment.c, peer.c,
 * middle.c, expect.c and variant.c parse the statements of one row of the `for` tables into nodes,
 * with the row's values put into the words; check.c looks at what only the whole tells; plan.c
 * resolves nodes into statements.
 */
#ifndef SP_SCRIPT_PARSER_H
#define SP_SCRIPT_PARSER_H

#include "script.h"

enum {
    LINE_MAX_BYTES = 1000,
    STATEMENTS_MAX = 2000,
    DEPTH_MAX = 8,
    ROWS_MAX = 1000,
    VARIANTS_MAX = 64,
    DIAGS_MAX = 50,
    FILE_MAX_BYTES = 1 << 20,
    WORDS_MAX = LINE_MAX_BYTES, /* no line can hold more */
};

/* ---- lines and words ----------------------------------------------------------------------- */

struct word {
    const char *text; /* without its quotes */
    int column;       /* in characters, from 1 */
    int length;       /* of what is written, in characters */
    bool quoted;
};

struct line {
    int number;
    int indent;       /* leading blanks */
    const char *raw;  /* without indentation, comment and trailing blanks */
    const char *rest; /* free text after the first word (title, why, source), "" none */
    int rest_column;
    bool continues;      /* an indented line under `why`: raw is free text */
    bool row;            /* an indented line under `for NAME NAME`: one of the table's rows */
    bool blank;          /* neither word nor comment */
    const char *comment; /* from its '#', NULL none */
    struct word *words;
    size_t count;
};

struct lines {
    struct line *items;
    size_t count;
};

/* Complaints go to diags; whether there were any that are errors. */
bool lex_text(const char *text, size_t len, struct sp_arena *arena, struct lines *out,
              struct sp_diags *diags);

/* ---- complaints ---------------------------------------------------------------------------- */

void diag_add(struct sp_diags *diags, bool warning, int line, int column, int length,
              const char *hint, const char *fmt, ...) SP_PRINTF(7, 8);
/* The words of `known` (NULL ends it) nearest to `word`, as "did you mean X?"; NULL if none is. */
const char *diag_near(struct sp_diags *diags, const char *word, const char *const *known);
size_t diag_errors(const struct sp_diags *diags);

/* ---- the tree ------------------------------------------------------------------------------ */

enum node_kind { NODE_STMT, NODE_ON, NODE_ESTABLISH, NODE_PEER_CONNECTS };

struct node_list {
    struct node *first;
    struct node *last;
    size_t count;
};

struct node {
    struct node *next;
    enum node_kind kind;
    struct sp_stmt st;         /* children not filled: they are in kids */
    struct node_list kids;     /* of a block; ON: where it matches */
    struct node_list other;    /* ON: where it does not */
    struct sp_stack_key *keys; /* ON */
    size_t key_count;
    enum sp_who key_end;
    enum sp_who active; /* ESTABLISH: who connects to whom, and the names of the sockets */
    enum sp_who passive;
    const char *active_sock;
    const char *passive_sock;
};

/* What is known while the statements of one row are parsed. */
struct parse {
    const struct sp_case *c;
    const struct sp_case_row *row;
    struct sp_arena *arena; /* of the nodes */
    struct sp_diags *diags;
    const struct lines *lines;
    size_t pos;    /* of the next line */
    bool *reached; /* by line: it is a statement or a variant of this row; NULL: nobody asks */
    size_t statements;
    int depth;
};

/* The words of one line, read from left to right. The first complaint ends it. */
struct cursor {
    struct parse *p;
    const struct line *line;
    struct word *words;
    size_t count;
    size_t at;
    bool failed;
};

void cursor_open(struct cursor *cur, struct parse *p, const struct line *line);
bool cursor_more(const struct cursor *cur);
const struct word *cursor_peek(const struct cursor *cur);   /* NULL at the end */
const struct word *cursor_next(struct cursor *cur);         /* NULL at the end */
bool cursor_is(const struct cursor *cur, const char *word); /* the next word, unquoted */
bool cursor_take(struct cursor *cur, const char *word);     /* and steps over it */
/* Complains about a word (NULL: the end of the line) once; always returns false. */
bool cursor_fail(struct cursor *cur, const struct word *word, const char *hint, const char *fmt,
                 ...) SP_PRINTF(4, 5);
/* A word must follow; NULL and a complaint "expected <what>" where none does. */
const struct word *cursor_want(struct cursor *cur, const char *what);
/* Nothing may follow. */
bool cursor_end(struct cursor *cur);

/* Puts the row's values in for $NAME; false and the name's place where there is no such name. */
const char *substitute(struct sp_arena *arena, const struct sp_case_row *row, const char *text,
                       const char **unknown, int *unknown_at);
bool has_dollar(const char *text);
/* One of the words is to be $NAME and the row's value is -: the line is not this row's. */
bool line_left_out(const struct parse *p, const struct line *line);

/* ---- pieces of lines ----------------------------------------------------------------------- */

bool parse_int(const char *text, int64_t *out); /* whole text, no sign; false: no or too big */
bool read_number(struct cursor *cur, const char *what, int64_t min, int64_t max, int64_t *out);
bool parse_range(const char *text, struct sp_num *out); /* "N" or "A..B" by form only */
bool read_range(struct cursor *cur, const struct word *word, const char *text, struct sp_num *out);
bool read_duration(struct cursor *cur, bool zero_too, int64_t *out);
bool word_duration(struct cursor *cur, const struct word *word, const char *text, bool zero_too,
                   int64_t *out);
bool is_name(const char *text); /* [a-z][a-z0-9_-]* */
/* END[/SOCK]; `sock` gets NULL where none is written. */
bool read_end(struct cursor *cur, enum sp_who *who, const char **sock);
bool is_end(const struct word *word);
enum sp_who end_of_name(const char *name, size_t len); /* client and server only, else NONE */

bool read_bound(struct cursor *cur, struct sp_bound *out, bool *got); /* within / after [since] */
bool read_expect(struct cursor *cur, struct sp_expect *out, bool *got_outcome, bool *got_rest);
bool read_label(struct cursor *cur, const char **label);  /* as @x */
bool finish_line(struct cursor *cur, struct sp_stmt *st); /* [as @x], and nothing more */
bool read_label_name(struct cursor *cur, const char **label);
bool read_pattern(struct cursor *cur, struct sp_pattern *out);
bool read_opt_want(struct cursor *cur, const struct word *word, struct sp_opt_want *want);
bool read_flags(struct cursor *cur, const struct word *word, uint8_t *set, uint8_t *clear);
bool parse_address(struct cursor *cur, const struct word *word, const char *text);
bool parse_route(struct cursor *cur, const struct word *word, const char *text);
bool parse_call(struct cursor *cur, struct sp_stmt *st); /* after END: [start|finish] CALL ... */
bool read_keys(struct cursor *cur, struct sp_stack_key **keys, size_t *count, enum sp_who *end);
/* The `on` and `source` lines under a statement; steps over them. */
bool parse_variants(struct parse *p, const struct line *owner, struct sp_stmt *st);
bool line_is_variant(const struct line *line);

/* stmt.c: one line each, after its first word; endpoint: the whole line. */
bool parse_endpoint(struct cursor *cur, struct node *node);
bool parse_wire(struct cursor *cur, struct node *node);
bool parse_state(struct cursor *cur, struct node *node);
bool parse_still(struct cursor *cur, struct node *node);
bool parse_never(struct cursor *cur, struct node *node);
bool parse_silence(struct cursor *cur, struct node *node);
bool parse_queue(struct cursor *cur, struct node *node);
bool parse_wait(struct cursor *cur, struct node *node);
bool parse_lab(struct cursor *cur, struct node *node);
bool parse_establish(struct cursor *cur, struct node *node);
/* Which end a line of the path is about, into st->target. */
bool read_target(struct cursor *cur, struct sp_stmt *st);

/* middle.c */
bool parse_middle(struct cursor *cur, struct node *node);
void middle_print(const struct sp_stmt *st, struct sp_buf *out);

/* peer.c */
bool parse_peer(struct cursor *cur, struct node *node);
/* The words of a segment that is sent or changed, up to one of those that can stand behind it. */
bool read_segment(struct cursor *cur, struct sp_peer_seg *out);
/* One word of it; `set` and `clear` are the flags that are named. */
bool read_segment_word(struct cursor *cur, const struct word *word, struct sp_peer_seg *out,
                       uint8_t *clear);
/* The words from `from` up to the cursor, with one blank between two. */
const char *text_from(struct cursor *cur, size_t from);
/* A segment with these flags and what a healthy end puts in the rest. */
struct sp_peer_seg *peer_plain(struct sp_arena *arena, enum sp_peer_verb verb, const char *flags);
/* Whose place the peer of these statements has; NONE where none of them is the peer's. */
enum sp_who peer_place(const struct node_list *nodes);
void peer_print(const struct sp_peer_seg *peer, struct sp_buf *out);

bool parse_header(struct sp_case *c, const struct lines *lines, size_t *body,
                  struct sp_diags *diags);
bool parse_body(struct parse *p, struct node_list *out);
void check_nodes(struct parse *p, const struct node_list *nodes);
void hash_text(const char *text, size_t len, char out[17]); /* FNV-1a, hex */
bool keys_match(const struct sp_stack_key *keys, size_t count, const struct sp_plan_stack *stack);

/*
 * The words of a case that parsed, read again from its text into `arena`: a case keeps its text
 * alone, so that a process with all of them stays small (it is forked for every run). False where
 * the text has mistakes.
 */
struct case_body {
    struct lines lines;
    size_t first; /* line of the first statement */
};

bool body_read(const struct sp_case *c, struct sp_arena *arena, struct case_body *out);

/* ---- tables -------------------------------------------------------------------------------- */

struct name_number {
    const char *name;
    int number;
};

extern const char *const header_words[];
extern const char *const statement_words[];
extern const char *const end_names[];
extern const char *const error_names[];
extern const char *const state_names[];
extern const char *const flag_names[];
extern const char *const opt_names[];
extern const char *const path_names[];
extern const char *const stack_names[];
extern const struct name_number signal_table[];
extern const char *const signal_names[];
extern const char *const sockopt_names[];
extern const char *const poll_names[];
extern const char *const epoll_names[];
extern const char *const select_names[];
extern const char *const msg_flag_names[];

bool name_known(const char *const *names, const char *name);
int state_number(const char *name); /* 0: none such */
const char *state_name(int state);
int flag_bit(const char *name);      /* 0: none such */
int signal_number(const char *name); /* 0: none such */
const char *signal_name_of(int number);
bool error_known(const char *name);

#endif
