#include "path_in.h"

#include "seg_pattern.h"

static struct path_talk *find(const struct path_talks *talks, enum path_dir dir,
                              const struct sp_addr *src, const struct sp_addr *dst)
{
    for (unsigned i = talks->len; i-- > 0;)
        if (sp_addr_same(&talks->items[i].addr[dir], src) &&
            sp_addr_same(&talks->items[i].addr[1 - dir], dst))
            return (struct path_talk *)&talks->items[i];
    return NULL;
}

const struct path_talk *path_talk_of(const struct path_talks *talks, enum path_dir dir,
                                     const struct sp_seg *seg)
{
    return find(talks, dir, &seg->src, &seg->dst);
}

const struct path_talk *path_talk_newest(const struct path_talks *talks, enum path_dir dir,
                                         const struct sp_addr *own, const struct sp_addr *other)
{
    for (unsigned i = talks->len; i-- > 0;) {
        const struct path_talk *talk = &talks->items[i];
        if ((!own->family || sp_addr_same(&talk->addr[dir], own)) &&
            (!other->family || sp_addr_same(&talk->addr[1 - dir], other)))
            return talk;
    }
    return NULL;
}

/* A new one, or the one that has these addresses, at the end of the list. */
static struct path_talk *open_talk(struct path_talks *talks, enum path_dir dir,
                                   const struct sp_seg *seg)
{
    struct path_talk *old = find(talks, dir, &seg->src, &seg->dst);
    if (!old && talks->len == TALKS_MAX)
        old = &talks->items[0];
    if (old) {
        for (struct path_talk *at = old; at + 1 < talks->items + talks->len; at++)
            *at = at[1];
        talks->len--;
    }
    struct path_talk *talk = &talks->items[talks->len++];
    *talk = (struct path_talk){0};
    talk->addr[dir] = seg->src;
    talk->addr[1 - dir] = seg->dst;
    return talk;
}

static void learn_opts(struct path_end *end, const struct sp_seg *seg)
{
    struct sp_opt opt;
    bool syn = (seg->flags & SP_SYN) != 0;
    if (syn)
        end->wscale_sent = end->ts_sent = false;
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind == SP_OPT_TIMESTAMPS) {
            end->ts_val = opt.ts_val;
            end->ts_sent |= syn;
        } else if (opt.kind == SP_OPT_WSCALE && syn) {
            end->wscale_sent = true;
            end->wscale = opt.wscale;
        }
    }
}

void path_talk_learn(struct path_talks *talks, enum path_dir dir, const struct sp_seg *seg)
{
    if (seg->kind != SP_SEG_TCP)
        return;
    struct path_talk *talk = find(talks, dir, &seg->src, &seg->dst);
    bool opens = (seg->flags & (SP_SYN | SP_ACK)) == SP_SYN;
    if (opens && (!talk || (talk->end[dir].isn_known && talk->end[dir].isn != seg->seq)))
        talk = open_talk(talks, dir, seg);
    if (!talk || (seg->flags & SP_RST))
        return;
    struct path_end *end = &talk->end[dir];
    if ((seg->flags & SP_SYN) && !end->isn_known) {
        end->isn_known = true;
        end->isn = end->snd_nxt = seg->seq;
    }
    uint32_t next = seg->seq + sp_seg_space(seg);
    if (sp_seq_lt(end->snd_nxt, next))
        end->snd_nxt = next;
    end->acks |= (seg->flags & SP_ACK) != 0;
    if (seg->flags & SP_ACK)
        end->rcv_nxt = seg->ack;
    end->window = seg->window;
    learn_opts(end, seg);
}

/* A keepalive or window probe stands one before what its sender would send next. */
static bool is_probe(const struct path_end *end, const struct sp_seg *seg)
{
    uint8_t shape = seg->flags & (SP_SYN | SP_FIN | SP_RST | SP_ACK);
    return end->isn_known && seg->seq == end->snd_nxt - 1 && shape == SP_ACK &&
           seg->payload_len <= 1;
}

bool path_talk_fits(const struct path_talks *talks, enum path_dir dir,
                    const struct sp_pattern *pattern, const struct sp_seg *seg)
{
    static const struct path_talk unknown;
    const struct path_talk *talk = path_talk_of(talks, dir, seg);
    talk = talk ? talk : &unknown;
    const struct path_end *end = &talk->end[dir], *other = &talk->end[1 - dir];
    /* The segment that opens a connection anew is not counted from the old one's number. */
    bool opens = (seg->flags & (SP_SYN | SP_ACK)) == SP_SYN;
    uint32_t isn = opens ? seg->seq : end->isn;
    uint32_t space = sp_seg_space(seg);
    bool probe = is_probe(end, seg);
    bool again = !probe && space && end->isn_known && isn == end->isn &&
                 sp_seq_le(seg->seq + space, end->snd_nxt);
    if (seg->kind != SP_SEG_TCP || (pattern->again && !again))
        return false;
    if (pattern->class_ == SP_CLASS_KEEPALIVE && !(probe && other->window))
        return false;
    if (pattern->class_ == SP_CLASS_ZERO_WINDOW_PROBE && !(probe && !other->window))
        return false;
    return sp_seg_fits(pattern, seg, isn, other->isn);
}

struct forge path_talk_forge(const struct path_talk *talk, enum path_dir dir)
{
    struct forge forge = {.src = talk->addr[dir],
                          .dst = talk->addr[1 - dir],
                          .salt = dir == FROM_CLIENT ? 'c' : 's',
                          .isn = talk->end[dir].isn,
                          .other_isn = talk->end[1 - dir].isn,
                          .seq = talk->end[dir].snd_nxt,
                          .ack = talk->end[dir].rcv_nxt,
                          .window = talk->end[dir].window,
                          .ts = talk->end[0].ts_sent && talk->end[1].ts_sent,
                          .ts_val = talk->end[dir].ts_val,
                          .ts_ecr = talk->end[1 - dir].ts_val,
                          .other = dir == FROM_CLIENT ? SP_WHO_SERVER : SP_WHO_CLIENT};
    bool scaled = talk->end[0].wscale_sent && talk->end[1].wscale_sent;
    for (int at = 0; at < DIRS; at++) {
        const struct path_end *end = &talk->end[at];
        forge.ends[at == FROM_CLIENT ? SP_WHO_CLIENT : SP_WHO_SERVER] = (struct forge_end){
            .snd_nxt = end->snd_nxt,
            .snd_una = talk->end[1 - at].acks ? talk->end[1 - at].rcv_nxt : end->isn,
            .rcv_nxt = end->rcv_nxt,
            .window_bytes = (uint32_t)end->window << (scaled ? end->wscale : 0),
        };
    }
    return forge;
}
