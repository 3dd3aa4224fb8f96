" Sockproof cases: *.case
autocmd BufNewFile,BufRead *.case setfiletype sockproof
