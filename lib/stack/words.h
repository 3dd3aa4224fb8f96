/*
 * The lists of words behind sp_stack_words_parse: each API has its own, in its folder's words.c.
 * Private to lib/stack.
 */
#ifndef SP_STACK_WORDS_H
#define SP_STACK_WORDS_H

#include <stdbool.h>

#include "stack.h"

/* The number of a word that the language has and the API has not. */
enum { SP_STACK_ABSENT = -1 };

struct sp_stack_word {
    const char *name;
    int number;
};

struct sp_stack_word_list {
    const char *what; /* for messages */
    const struct sp_stack_word *words;
    unsigned len;
    bool many; /* takes several, joined by '|' */
};

extern const struct sp_stack_word_list sp_stack_word_lists[SP_STACK_WORDS_COUNT];

#endif
