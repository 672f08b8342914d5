// What a page does by itself: it loads itself anew while somebody looks at it, and
// can show times as the reader's clock has them. Everything is there without it.
(()=>{
const D=document,$=(s,r=D)=>r.querySelector(s),A=(s,r=D)=>[...r.querySelectorAll(s)],L=D.documentElement.lang,W=3e4;
let mine,last,seen,busy;
try{mine=localStorage.tz}catch{}
// Times: the reader's own on hover, or everywhere once the reader has asked.
const times=()=>{
for(const t of A('main time')){
const d=new Date(t.dateTime),s=t.dataset.s??=t.textContent,f=(x,y)=>d.toLocaleString(L,{dateStyle:x,timeStyle:y});
t.title=f('full','long');
t.textContent=mine?f(/^..:/.test(s)?void 0:'medium','short'):s}
const b=$('#tz'),x=b.dataset;
b.hidden=x.z==Intl.DateTimeFormat().resolvedOptions().timeZone;
b.textContent=mine?x.b:x.a};
$('#tz').onclick=()=>{mine=mine?'':1;try{localStorage.tz=mine}catch{}times()};
// News is said politely, once; so is that the newest state cannot be had.
const tell=t=>$('#live').textContent=t,say=r=>A('.say',r).map(x=>x.textContent);
const old=b=>{const o=$('#old');if(o.hidden==b){o.hidden=!b;$('main').classList.toggle('old',b);if(b)tell(o.textContent)}};
// Loading: the new main takes the old one's place, unless the reader is typing or
// selecting in it; what was open stays open, what had the focus keeps it.
const load=async()=>{
if(busy||D.hidden)return;
busy=1;last=Date.now();
try{
const r=await fetch(location,{cache:'no-cache'}),h=r.ok&&await r.text(),n=new DOMParser().parseFromString(h,'text/html'),m=$('main',n),o=$('main'),a=D.activeElement,was=say(o),news=say(m).filter(x=>!was.includes(x));
if(h!=seen&&!a.form&&getSelection().isCollapsed){
const f=a.id?'#'+a.id:a.href?`[href="${a.getAttribute('href')}"]`:`#${a.parentNode.id}>summary`,k=o.contains(a);
for(const x of A('details[id]',o)){const y=n.getElementById(x.id);if(y)y.open=x.open}
o.replaceWith(m);
seen=h;D.title=n.title;$('[rel=icon]').href=$('[rel=icon]',n).href;
if(k){const l=A(f,o);A(f,m).at(l.indexOf(a)-l.length)?.focus({preventScroll:true})}
tell(news.join(' '));
times()}
const x=$('main').dataset;
old(x.at>0&&last/1e3-x.at>x.fresh)
}catch{old(true)}
busy=0};
const tick=()=>setTimeout(()=>{load();tick()},W*(1+Math.random()/3));
D.onvisibilitychange=()=>last+W/2>Date.now()||load();
times();tick()
})()
