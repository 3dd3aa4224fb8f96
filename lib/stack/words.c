/* Flags, events and the like by name, and back: from the lists that each API has of its own. */
#include "words.h"

#include <stdio.h>
#include <string.h>

static enum sp_rc unknown(const struct sp_stack_word_list *list, const char *word, size_t len,
                          struct sp_err *err)
{
    char known[256] = "";
    size_t used = 0;
    for (unsigned i = 0; i < list->len && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 list->words[i].name);
    return sp_fail(err, SP_E_USAGE, "no such %s: '%.*s'; there are %s", list->what,
                   (int)(len < 64 ? len : 64), word, known);
}

static enum sp_rc parse_one(const struct sp_stack_word_list *list, const char *word, size_t len,
                            int *number, struct sp_err *err)
{
    for (unsigned i = 0; i < list->len; i++) {
        const struct sp_stack_word *row = &list->words[i];
        if (strlen(row->name) != len || memcmp(row->name, word, len) != 0)
            continue;
        if (row->number == SP_STACK_ABSENT)
            return sp_fail(err, SP_E_UNSUPPORTED, "%s does not have the %s %s", sp_stack_name(),
                           list->what, row->name);
        *number = row->number;
        return SP_OK;
    }
    return unknown(list, word, len, err);
}

enum sp_rc sp_stack_words_parse(enum sp_stack_words which, const char *text, int *number,
                                struct sp_err *err)
{
    const struct sp_stack_word_list *list = &sp_stack_word_lists[which];
    *number = 0;
    if (!list->many)
        return parse_one(list, text, strlen(text), number, err);
    if (!*text)
        return SP_OK;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, "|");
        int bit = 0;
        enum sp_rc rc = parse_one(list, p, len, &bit, err);
        if (rc != SP_OK)
            return rc;
        *number |= bit;
        p += len;
        if (!*p)
            return SP_OK;
    }
}

void sp_stack_words_print(enum sp_stack_words which, int number, char *out, size_t cap)
{
    const struct sp_stack_word_list *list = &sp_stack_word_lists[which];
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < list->len && used < cap; i++) {
        int word = list->words[i].number;
        bool is_set = list->many ? word != SP_STACK_ABSENT && word && (number & word) == word
                                 : word == number;
        if (is_set)
            used += (size_t)snprintf(out + used, cap - used, "%s%s", used ? "|" : "",
                                     list->words[i].name);
    }
}

const char *sp_stack_word_at(enum sp_stack_words which, unsigned i, bool *present)
{
    if (i >= sp_stack_word_lists[which].len)
        return NULL;
    *present = sp_stack_word_lists[which].words[i].number != SP_STACK_ABSENT;
    return sp_stack_word_lists[which].words[i].name;
}
